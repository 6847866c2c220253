-- Users register for events, each pair of user and event once; each answer must be a 303 to /my-events.
--   wrk -t1 -s register.lua URL -- TOKENS SLUGS OFFSET
-- TOKENS and SLUGS are files with one entry per line; OFFSET is the number of pairs that earlier runs may have used.

local tokens, slugs, pair = {}, {}, 0
local threads = {}
good, bad, strange = 0, 0, "none"

local function lines_of(name)
   local lines = {}
   for line in io.lines(name) do lines[#lines + 1] = line end
   return lines
end

function setup(thread)
   threads[#threads + 1] = thread
end

function init(args)
   tokens, slugs, pair = lines_of(args[1]), lines_of(args[2]), tonumber(args[3])
end

function request()
   -- In each round every user registers once, each time for another event: no pair repeats within #tokens * #slugs.
   local person, round = pair % #tokens, math.floor(pair / #tokens)
   local slug = slugs[(person + round) % #slugs + 1]
   pair = pair + 1
   -- The headers of a browser that sends a form of the site.
   return wrk.format("POST", "/events/" .. slug .. "/register", {
      ["Cookie"] = "festgate_session=" .. tokens[person + 1],
      ["Sec-Fetch-Site"] = "same-origin",
   })
end

function response(status, headers, _)
   if status == 303 and headers["location"] == "/my-events" then
      good = good + 1
   else
      bad = bad + 1
      strange = status
   end
end

function done(summary, latency, _)
   local right, wrong, last = 0, 0, "none"
   for _, thread in ipairs(threads) do
      right, wrong = right + thread:get("good"), wrong + thread:get("bad")
      if thread:get("bad") > 0 then last = thread:get("strange") end
   end
   local errors = summary.errors
   -- Registrations, microseconds, wrong answers, failures of connections, status of the last wrong answer, latencies.
   print(string.format("counted %d %d %d %d %s %d %d", right, summary.duration, wrong,
      errors.connect + errors.read + errors.write + errors.timeout, tostring(last),
      latency:percentile(50), latency:percentile(99)))
end
