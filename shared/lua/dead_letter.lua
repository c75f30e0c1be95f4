#!lua flags=allow-oom
-- dead_letter.lua: messages in hand are given up and kept for an operator.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  list   dead_letter    newest at the left
-- KEYS[4]  hash   counters       dead_lettered, expired, stale_settles
-- KEYS[5]  list   recent         capped at 1,000
-- KEYS[6…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  again      1 when this call may have run before
-- ARGV[2]  retention  ms, how long status is kept
-- ARGV[3…] for each message: token, bytes (with `_delivery`), entry (JSON for `recent`), reason, has_id, error,
--          attempts (failed ones), log (JSON)
--
-- Returns  the tokens that were not in hand any more

local processing, messages, dead, counters, recent = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local again, retention = ARGV[1] == '1', ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZCARD', processing)
redis.call('LLEN', dead)
redis.call('LLEN', recent)

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local gone, done, expired, ids = {}, 0, 0, 5
for i = 3, #ARGV, 8 do
  local token, reason, has_id = ARGV[i], ARGV[i + 3], ARGV[i + 4] == '1'
  if has_id then ids = ids + 1 end
  if redis.call('HDEL', messages, token) == 0 then
    gone[#gone + 1] = token
  else
    redis.call('ZREM', processing, token)
    redis.call('LPUSH', dead, ARGV[i + 1])
    redis.call('LPUSH', recent, ARGV[i + 2])
    done = done + 1
    if reason == 'expired' then expired = expired + 1 end
    if has_id then
      note(KEYS[ids], retention, 'state', 'dead', 'at', now, 'reason', reason, 'error', ARGV[i + 5],
        'attempts', ARGV[i + 6], 'log', ARGV[i + 7])
    end
  end
end
if done > 0 then
  redis.call('LTRIM', recent, 0, 999)
  redis.pcall('HINCRBY', counters, 'dead_lettered', done)
end
if expired > 0 then redis.pcall('HINCRBY', counters, 'expired', expired) end
if #gone > 0 and not again then redis.pcall('HINCRBY', counters, 'stale_settles', #gone) end
return gone
