#!lua flags=allow-oom
-- begin.lua: claim the ids of messages in hand, right before they are sent or settled.
--
-- Caller   shared/src/worker/begin.rs
-- Why      `status` is a hint: "in hand" holds while there are bytes under its token, "delayed" while there are bytes
--          under its member; anything else is a leftover, and this token takes the id over. One that is no hash is
--          replaced: a hint must not stop the queue
-- Again    a repetition finds its own token in `status` and answers 'go' once more; what it removed answers 'gone'
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters          duplicates
-- KEYS[4…] hash   status:<id>       one for each message
-- ARGV[1…] token  one for each message
--
-- Returns  a list, for each message in order
--   'go'         the id is this token's; status is `sending` and has no TTL
--   'duplicate'  the id was sent, or is in hand or delayed elsewhere; the message was removed
--   'gone'       the token is not in hand any more; nothing changed

local processing, messages, counters = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZCARD', processing)
redis.call('HLEN', messages)

local seen = {}
for i = 1, #ARGV do
  seen[i] = redis.pcall('HMGET', KEYS[3 + i], 'state', 'token', 'member')
end

local answer, claimed_now, duplicates = {}, {}, 0
for i, token in ipairs(ARGV) do
  local status = KEYS[3 + i]
  local state, holder, member = unpack(claimed_now[status] or seen[i])
  local elsewhere = state == 'sent'
    or (state == 'sending' and holder and holder ~= token and redis.call('HEXISTS', messages, holder) == 1)
    or (state == 'delayed' and member and redis.call('HEXISTS', messages, member) == 1)
  if redis.call('HEXISTS', messages, token) == 0 then
    answer[i] = 'gone'
  elseif elsewhere then
    redis.call('HDEL', messages, token)
    redis.call('ZREM', processing, token)
    answer[i], duplicates = 'duplicate', duplicates + 1
  else
    if seen[i].err then redis.call('DEL', status) end
    redis.call('HSET', status, 'state', 'sending', 'token', token, 'at', now)
    redis.call('PERSIST', status)
    claimed_now[status] = {'sending', token, false}
    answer[i] = 'go'
  end
end
if duplicates > 0 then redis.pcall('HINCRBY', counters, 'duplicates', duplicates) end
return answer
