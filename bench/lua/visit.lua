-- GET requests of people who are signed in, in turn.
--   wrk -s visit.lua URL -- TOKENS [ACCEPTED ENCODING]
-- TOKENS is a file with one session token a line.

local requests, number = {}, 0

function init(args)
   for token in io.lines(args[1]) do
      local headers = { ["Cookie"] = "festgate_session=" .. token }
      if args[2] then headers["Accept-Encoding"] = args[2] end
      requests[#requests + 1] = wrk.format("GET", nil, headers)
   end
end

function request()
   number = number % #requests + 1
   return requests[number]
end

function done(summary, latency, _)
   local errors = summary.errors
   -- One line for the benchmark: requests, microseconds, bytes, failures, then latencies in microseconds.
   print(string.format("counted %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(50), latency:percentile(99)))
end
