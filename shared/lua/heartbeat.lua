#!lua flags=allow-oom
-- heartbeat.lua: say that a worker lives, and forget those that no longer do.
--
-- Caller   shared/src/worker/heartbeat.rs
-- Why      a worker's fence in `claims` outlives its heartbeat by a day: a claim that executes that late still finds it
-- Cost     O(workers)
--
-- KEYS[1]  hash   workers    worker id → JSON with `at` (ms) and `lease_ms`
-- KEYS[2]  hash   claims     worker start → number; <start>:ended → ms at which its heartbeat ended
-- ARGV[1]  worker   worker id, which ends in its start id
-- ARGV[2]  start    start id
-- ARGV[3]  beat     JSON without its closing brace; `at` is added here, or empty when the worker stops
--
-- Returns  how many heartbeats were forgotten

local workers, claims = KEYS[1], KEYS[2]
local worker, start, beat = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fences = redis.call('HGETALL', claims)
local known = redis.call('HGETALL', workers)

if beat == '' then
  redis.call('HDEL', workers, worker)
  redis.call('HSET', claims, start .. ':ended', now)
else
  redis.call('HSET', workers, worker, beat .. ',"at":' .. now .. '}')
  redis.call('HDEL', claims, start .. ':ended')
end

local forgotten = 0
for i = 1, #known, 2 do
  local ok, other = pcall(cjson.decode, known[i + 1])
  if not ok or type(other) ~= 'table' then other = {} end
  local alive = (tonumber(other.at) or 0) + 10 * (tonumber(other.lease_ms) or 0) > now
  if known[i] ~= worker and not alive then
    redis.call('HDEL', workers, known[i])
    if type(other.start) == 'string' then redis.call('HSET', claims, other.start .. ':ended', now) end
    forgotten = forgotten + 1
  end
end
for i = 1, #fences, 2 do
  local ended = fences[i]:match('^(.+):ended$')
  if ended and (tonumber(fences[i + 1]) or 0) + 86400000 < now then redis.call('HDEL', claims, ended, fences[i]) end
end
return forgotten
