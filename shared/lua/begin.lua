#!lua flags=allow-oom
-- begin.lua: claim the ids of messages in hand, right before they are sent or settled.
--
-- Caller   shared/src/worker/begin.rs
-- Why      `status` is a hint: "in hand" holds while there are bytes under its token, "delayed" while there are bytes
--          under its member; anything else is a leftover, and this token takes the id over. One that is no hash is
--          replaced: a hint must not stop the queue. Only a cancelled id, and one whose stamp has `!` in front, bind
--          every copy: an operator was told that it is never sent
-- Again    a repetition finds its own token in `status` and answers 'go' once more; what it removed answers 'gone'
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters          duplicates
-- KEYS[4…] hash   status:<id>       one for each message
-- ARGV[1]  retention  ms, how long the status of what was cancelled is kept from now on: 30 days at least, since a
--          second copy may wait
-- ARGV[2…] for each message: token, stamp (empty where it has none)
--
-- Returns  a list, for each message in order
--   'go'         the id is this token's; status is `sending` and has no TTL
--   'duplicate'  the id was sent, or is in hand or delayed elsewhere, or another copy is to be sent; it was removed
--   'cancelled'  the id was cancelled; the message was removed
--   'gone'       the token is not in hand any more; nothing changed

local processing, messages, counters = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('ZCARD', processing)
redis.call('HLEN', messages)

-- Mostly nobody has heard of any of them. A member that an operator's hand deleted leaves the bytes, and those count.
local fresh = #KEYS > 3 and redis.call('EXISTS', unpack(KEYS, 4)) == 0
local tokens, seen = {}, {}
for i = 4, #KEYS do
  tokens[i - 3] = ARGV[2 * i - 6]
  if not fresh then seen[i] = redis.pcall('HMGET', KEYS[i], 'state', 'token', 'member', 'stamp') end
end
local scores = #tokens > 0 and redis.call('ZMSCORE', processing, unpack(tokens))

local answer, mine, removed, duplicates, ids = {}, {}, {}, 0, 3
for i = 2, #ARGV, 2 do
  ids = ids + 1
  local status, token, stamp = KEYS[ids], ARGV[i], ARGV[i + 1]
  local known = mine[status] and {'sending', mine[status]} or seen[ids]
  local state, holder, member, mark
  if known then state, holder, member, mark = unpack(known) end
  local only = mark and mark:match('^!(.*)')
  -- An older copy, which was cancelled or replaced. One without a stamp may also be a dead letter that was requeued.
  local foreign = only and only ~= stamp
  local verdict = 'go'
  if not scores[ids - 3] and redis.call('HEXISTS', messages, token) == 0 then
    verdict = 'gone'
  elseif state == 'cancelled' then
    verdict = 'cancelled'
    redis.pcall('PEXPIRE', status, math.max(tonumber(ARGV[1]), 2592000000), 'NX')
  elseif state == 'sent'
    or (state == 'sending' and holder and holder ~= token and redis.call('HEXISTS', messages, holder) == 1)
    or (state == 'delayed' and member and redis.call('HEXISTS', messages, member) == 1)
    or foreign and (state == 'waiting' or state == 'delayed')
    or foreign and stamp ~= '' and (state == 'sending' or state == 'dead') then
    verdict, duplicates = 'duplicate', duplicates + 1
  else
    if known and known.err then redis.call('DEL', status) end
    redis.call('HSET', status, 'state', 'sending', 'token', token, 'at', now)
    if known then redis.call('PERSIST', status) end
    if foreign then redis.call('HSET', status, 'stamp', '!' .. stamp) end
    mine[status] = token
  end
  if verdict == 'duplicate' or verdict == 'cancelled' then removed[#removed + 1] = token end
  answer[#answer + 1] = verdict
end
if #removed > 0 then
  redis.call('HDEL', messages, unpack(removed))
  redis.call('ZREM', processing, unpack(removed))
end
if duplicates > 0 then redis.pcall('HINCRBY', counters, 'duplicates', duplicates) end
return answer
