#!lua flags=allow-oom
-- split.lua: one message ends, and those of its recipients who did not get it go on in messages of their own.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token, which go first: a repetition finds none and writes no part twice
-- Cost     O(parts)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  zset   delayed
-- KEYS[4]  list   dead_letter    newest at the left
-- KEYS[5]  hash   counters       sent, retried, dead_lettered, stale_settles
-- KEYS[6]  list   recent         capped at 1,000
-- KEYS[7]  hash   status:<id>    of the original; any key where `has_id` is 0
-- KEYS[8]  hash   control        breaker, which closes where somebody was served
-- KEYS[9…] hash   status:<id>    one for each delayed part with `has_id` 1, in order
-- ARGV[1]  again      1 when this call may have run before
-- ARGV[2]  retention  ms, how long status is kept; beyond the due time where something is delayed
-- ARGV[3]  token      of the original
-- ARGV[4]  has_id     1 when it has an id
-- ARGV[5]  state      of the original from now on: 'sent' where somebody was served, else 'delayed' or 'dead'
-- ARGV[6]  entry      JSON for `recent`; empty for none
-- ARGV[7]  attempts   made so far; for status
-- ARGV[8]  log        of those that failed, JSON; for status
-- ARGV[9…] for each part: kind, member, delay, bytes, has_id
--   kind     'retry': to `delayed` as `member`, due `delay` ms from now; 'dead': to `dead_letter`
--
-- Returns  the tokens that were not in hand any more: none, or the one given

local processing, messages, delayed, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local counters, recent, status, token, state = KEYS[5], KEYS[6], KEYS[7], ARGV[3], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, 6 do redis.call(({'ZCARD', 'HLEN', 'ZCARD', 'LLEN', 'EXISTS', 'LLEN'})[i], KEYS[i]) end
redis.call('HLEN', KEYS[8])

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

if redis.call('HDEL', messages, token) == 0 then
  if ARGV[1] ~= '1' then redis.pcall('HINCRBY', counters, 'stale_settles', 1) end
  return {token}
end
redis.call('ZREM', processing, token)
local first, retried, dropped, ids = nil, 0, 0, 8
for i = 9, #ARGV, 5 do
  local member, delay, bytes = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if ARGV[i] == 'dead' then
    redis.call('LPUSH', dead, bytes)
    dropped = dropped + 1
  else
    redis.call('HSET', messages, member, bytes)
    redis.call('ZADD', delayed, now + delay, member)
    retried, first = retried + 1, first or {member, delay}
    if ARGV[i + 4] == '1' then
      ids = ids + 1
      note(KEYS[ids], delay + ARGV[2], 'state', 'delayed', 'member', member, 'at', now, 'due', now + delay,
        'attempts', ARGV[7], 'log', ARGV[8])
    end
  end
end
if ARGV[6] ~= '' and redis.call('LPUSH', recent, ARGV[6]) > 1000 then redis.call('LTRIM', recent, 0, 999) end
local later = state == 'delayed' and first or {'', 0}
if ARGV[4] == '1' then
  note(status, later[2] + ARGV[2], 'state', state, 'at', now, 'member', later[1], 'due', now + later[2],
    'attempts', ARGV[7], 'log', ARGV[8])
end
if state == 'sent' then
  redis.call('HDEL', KEYS[8], 'breaker')
  redis.pcall('HINCRBY', counters, 'sent', 1)
end
if retried > 0 then redis.pcall('HINCRBY', counters, 'retried', retried) end
if dropped > 0 then redis.pcall('HINCRBY', counters, 'dead_lettered', dropped) end
return {}
