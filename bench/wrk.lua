-- Tells wrk's results in one line that can be read without guessing units: times in microseconds.
-- With PACE_MS set, each connection waits so many milliseconds before each request, give or take half of it,
-- which is not part of the latency.

local pace = tonumber(os.getenv("PACE_MS") or "0")
if pace > 0 then
  -- wrk looks whether this function exists; its mere presence costs time.
  function delay()
    return math.random(math.floor(pace / 2), math.floor(pace * 3 / 2))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "RESULT requests=%d duration=%d p50=%d p99=%d max=%d status=%d connect=%d read=%d write=%d timeout=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
