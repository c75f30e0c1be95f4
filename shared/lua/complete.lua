#!lua flags=allow-oom
-- complete.lua: messages that their provider accepted leave the queue.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token: a token taken over has none, and changes nothing
-- Cost     O(messages given); those without an id go in one command each for all
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters       sent, stale_settles
-- KEYS[4]  list   recent         capped at 1,000
-- KEYS[5]  hash   control        breaker, which closes
-- KEYS[6…] hash   status:<id>    one for each message with an id, in order
-- ARGV[1]  again      1 when this call may have run before: what is gone then was settled by it and is not counted
-- ARGV[2]  retention  ms, how long status is kept
-- ARGV[3]  plain      how many messages without an id are given
-- ARGV[4]  entries    how many entries for `recent` they leave: one at least where `plain` is not 0
-- ARGV[5…] the tokens of those, then their entries (JSON); then for each message with an id: token, entry,
--          provider_id (may be empty)
--
-- Returns  how many of the messages were not in hand any more

local processing, messages, counters, recent, control = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local again, retention, plain, entries = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZCARD', processing)
redis.call('LLEN', recent)
local broken = redis.call('HEXISTS', control, 'breaker') == 1

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local now
local sent, given, ids = 0, plain, 5
if plain > 0 then
  sent = redis.call('HDEL', messages, unpack(ARGV, 5, 4 + plain))
  redis.call('ZREM', processing, unpack(ARGV, 5, 4 + plain))
  if sent > 0 then redis.call('LPUSH', recent, unpack(ARGV, 5 + plain, 4 + plain + entries)) end
end
for i = 5 + plain + entries, #ARGV, 3 do
  local token = ARGV[i]
  given, ids = given + 1, ids + 1
  if redis.call('HDEL', messages, token) == 1 then
    now = now or redis.call('TIME')
    redis.call('ZREM', processing, token)
    redis.call('LPUSH', recent, ARGV[i + 1])
    note(KEYS[ids], retention, 'state', 'sent', 'at', now[1] * 1000 + math.floor(now[2] / 1000),
      'provider_id', ARGV[i + 2])
    sent = sent + 1
  end
end
if sent > 0 then
  redis.call('LTRIM', recent, 0, 999)
  -- Whatever was wrong with the provider is over.
  if broken then redis.call('HDEL', control, 'breaker') end
  redis.pcall('HINCRBY', counters, 'sent', sent)
end
if given > sent and not again then redis.pcall('HINCRBY', counters, 'stale_settles', given - sent) end
return given - sent
