#!lua flags=allow-oom
-- release.lua: messages in hand that were surely not sent go back to the front of their lanes, at no cost.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token
-- Why      given newest first, so that the oldest ends up rightmost and is claimed first again. What was cancelled
--          meanwhile goes nowhere
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   control        throttled_until, breaker_opener
-- KEYS[4]  hash   counters       stale_settles
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  again      1 when this call may have run before
-- ARGV[2]  retention  ms, how long status is kept while the message waits
-- ARGV[3]  throttle   ms for which nobody shall claim, 0 for no wait; counts only where a message was in hand, and
--                     shortens no wait, least of all one until somebody resumes (-1 or no number)
-- ARGV[4…] for each message: token, lane (h, p or l), bytes (edited, or empty to keep those under the token), has_id,
--          second (1 to let the message at the front go first, the one before this call)
--
-- Returns  the tokens that were not in hand any more

local processing, messages, control, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lanes = {h = KEYS[5], p = KEYS[6], l = KEYS[7]}
local again, retention, throttle = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZCARD', processing)
local state = redis.call('HMGET', control, 'throttled_until', 'breaker_opener')
local throttled = tonumber(state[1] or 0) or -1
for i = 5, 7 do redis.call('LLEN', KEYS[i]) end

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local gone, released, fronts, ids = {}, false, {}, 7
for i = 4, #ARGV, 5 do
  local token, lane, bytes, has_id = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3] == '1'
  if has_id then ids = ids + 1 end
  if redis.call('HEXISTS', messages, token) == 0 then
    gone[#gone + 1] = token
  else
    released = true
    if has_id and redis.pcall('HGET', KEYS[ids], 'state') == 'cancelled' then
      redis.pcall('PEXPIRE', KEYS[ids], math.max(tonumber(retention), 2592000000), 'NX')
    else
      if bytes == '' then bytes = redis.call('HGET', messages, token) end
      local list = lanes[lane] or lanes.p
      if ARGV[i + 4] == '1' and fronts[list] == nil then fronts[list] = redis.call('RPOP', list) end
      redis.call('RPUSH', list, bytes)
      -- In its lane it has no name but its bytes.
      if token == state[2] then redis.call('HSET', control, 'breaker_opener', redis.sha1hex(bytes)) end
      if has_id then note(KEYS[ids], retention, 'state', 'waiting', 'at', now) end
    end
    redis.call('HDEL', messages, token)
    redis.call('ZREM', processing, token)
  end
end
for list, front in pairs(fronts) do
  if front then redis.call('RPUSH', list, front) end
end
if released and throttle > 0 and throttled >= 0 and now + throttle > throttled then
  redis.call('HSET', control, 'throttled_until', now + throttle)
end
if #gone > 0 and not again then redis.pcall('HINCRBY', counters, 'stale_settles', #gone) end
return gone
