-- GET requests of signed-in users in turn.
--   wrk -s visit.lua URL -- TOKENS [ACCEPTED ENCODING]
-- TOKENS is a file with one session token per line.

local requests, turn = {}, 0

function init(args)
   for token in io.lines(args[1]) do
      local headers = { ["Cookie"] = "festgate_session=" .. token }
      if args[2] then headers["Accept-Encoding"] = args[2] end
      requests[#requests + 1] = wrk.format("GET", nil, headers)
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end

function done(summary, latency, _)
   local wrong = summary.errors
   -- One line for the benchmark: requests, microseconds, bytes, failures, then latencies in microseconds.
   print(string.format("counted %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
      wrong.connect + wrong.read + wrong.write + wrong.timeout + wrong.status,
      latency:percentile(50), latency:percentile(99)))
end
