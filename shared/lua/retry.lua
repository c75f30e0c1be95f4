#!lua flags=allow-oom
-- retry.lua: messages in hand go to `delayed`, after a failed send or because they are to be sent later.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token
-- Why      a `delayed` member is named after the message's reference, never after its id: two messages of one id
--          cannot overwrite each other
-- Cost     O(messages given × log delayed)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  zset   delayed
-- KEYS[4]  hash   counters       retried, stale_settles
-- KEYS[5…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  again      1 when this call may have run before
-- ARGV[2]  retention  ms, how long status is kept after the due time
-- ARGV[3…] for each message: token, member, kind, time, bytes, has_id, error, attempts, log
--   kind     'retry': due `time` ms from now, counted as a retry; 'wait': the same, not counted;
--            'park': due at `time`, ms since 1970, not counted
--   bytes    edited bytes, or empty to keep those under the token
--   error, attempts (failed ones so far), log (JSON) are for status
--
-- Returns  the tokens that were not in hand any more

local processing, messages, delayed, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local again, retention = ARGV[1] == '1', tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZCARD', processing)
redis.call('ZCARD', delayed)

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local gone, retried, ids = {}, 0, 4
for i = 3, #ARGV, 9 do
  local token, member, kind, bytes, has_id = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 4], ARGV[i + 5] == '1'
  local due = kind == 'park' and tonumber(ARGV[i + 3]) or now + ARGV[i + 3]
  if has_id then ids = ids + 1 end
  local held = redis.call('HEXISTS', messages, token) == 1
  if not held then
    gone[#gone + 1] = token
  else
    if bytes == '' then bytes = redis.call('HGET', messages, token) end
    redis.call('HSET', messages, member, bytes)
    redis.call('ZADD', delayed, due, member)
    redis.call('HDEL', messages, token)
    redis.call('ZREM', processing, token)
    if kind == 'retry' then retried = retried + 1 end
    if has_id then
      note(KEYS[ids], math.max(due - now, 0) + retention,
        'state', 'delayed', 'member', member, 'at', now, 'due', due, 'error', ARGV[i + 6],
        'attempts', ARGV[i + 7], 'log', ARGV[i + 8])
    end
  end
end
if retried > 0 then redis.pcall('HINCRBY', counters, 'retried', retried) end
if #gone > 0 and not again then redis.pcall('HINCRBY', counters, 'stale_settles', #gone) end
return gone
