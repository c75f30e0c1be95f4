#!lua flags=allow-oom
-- complete.lua: messages that their provider accepted leave the queue.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token: a token taken over has none, and changes nothing
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters       sent, stale_settles
-- KEYS[4]  list   recent         capped at 1,000
-- KEYS[5…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  again      1 when this call may have run before: what is gone then was settled by it and is not counted
-- ARGV[2]  retention  ms, how long status is kept
-- ARGV[3…] for each message: token, entry (JSON for `recent`), has_id (0 or 1), provider_id (may be empty)
--
-- Returns  the tokens that were not in hand any more

local processing, messages, counters, recent = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local again, retention = ARGV[1] == '1', ARGV[2]
redis.call('ZCARD', processing)
redis.call('HLEN', counters)
redis.call('LLEN', recent)
for i = 5, #KEYS do redis.call('HLEN', KEYS[i]) end

local done, entries, gone, ids = {}, {}, {}, 4
local now
for i = 3, #ARGV, 4 do
  local token, has_id = ARGV[i], ARGV[i + 2] == '1'
  if has_id then ids = ids + 1 end
  if redis.call('HDEL', messages, token) == 0 then
    gone[#gone + 1] = token
  else
    done[#done + 1], entries[#entries + 1] = token, ARGV[i + 1]
    if has_id then
      now = now or redis.call('TIME')
      redis.call('HSET', KEYS[ids], 'state', 'sent', 'at', now[1] * 1000 + math.floor(now[2] / 1000),
        'provider_id', ARGV[i + 3])
      redis.call('PEXPIRE', KEYS[ids], retention)
    end
  end
end
if #done > 0 then
  redis.call('ZREM', processing, unpack(done))
  redis.call('HINCRBY', counters, 'sent', #done)
  redis.call('LPUSH', recent, unpack(entries))
  redis.call('LTRIM', recent, 0, 999)
end
if #gone > 0 and not again then redis.call('HINCRBY', counters, 'stale_settles', #gone) end
return gone
