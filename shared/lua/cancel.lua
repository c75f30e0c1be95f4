#!lua flags=allow-oom
-- cancel.lua: a message that nobody has begun to send is never sent.
--
-- Caller   shared/src/queue/cancel.rs
-- Why      what waits is somewhere in a list; the word `cancelled` in its status is enough, since every copy passes
--          begin.lua. It has no TTL there: a copy may wait for longer than any. The caller looks for copies then, and
--          says for how long it is to be kept
-- Again    a repetition finds it cancelled
-- Cost     O(log delayed)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  zset   delayed
-- KEYS[4]  list   claimed
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8]  hash   counters     cancelled
-- KEYS[9]  hash   status:<id>
-- ARGV[1]  seen       where a copy of it was seen, whatever status says: 'list' or 'hand'; empty where nobody looked;
--                     'gone' where nobody has found one, which only sets the TTL
-- ARGV[2]  mark       ms for which an id that nobody knows is marked as cancelled, 0 for not at all; with 'gone' how
--                     long status is kept from now on
--
-- Returns  'cancelled'  it is never sent
--          'again'      it was cancelled before
--          'in_hand'    a worker has begun to send it; nothing changed, nor for the following
--          'sent'       it was sent
--          'dead'       it was given up
--          'unknown'    no message of this id is known; it is marked where that was asked for

local processing, messages, delayed, status = KEYS[1], KEYS[2], KEYS[3], KEYS[9]
local seen, mark = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local waiting = redis.call('ZCARD', processing)
for i = 4, 7 do waiting = waiting + redis.call('LLEN', KEYS[i]) end
redis.call('ZCARD', delayed)
redis.call('HLEN', messages)
local known = redis.pcall('HMGET', status, 'state', 'token', 'member')
local state, token, member = unpack(known)

local function cancelled(keep)
  if known.err then redis.pcall('DEL', status) end
  redis.pcall('HSET', status, 'state', 'cancelled', 'at', now)
  if keep then redis.pcall('PEXPIRE', status, keep) else redis.pcall('PERSIST', status) end
end

if state == 'sent' then return 'sent' end
if seen == 'gone' then
  if state == 'cancelled' then redis.pcall('PEXPIRE', status, mark, 'NX') end
  return 'again'
end
if state == 'cancelled' then return 'again' end
-- What was begun and has no bytes under its token any more was taken over, and may have been sent.
if state == 'sending' and (seen == 'hand' or token and redis.call('HEXISTS', messages, token) == 1) then
  return 'in_hand'
end
if state == 'delayed' and member and redis.call('HDEL', messages, member) == 1 then
  redis.call('ZREM', delayed, member)
  cancelled()
elseif seen == 'list' or seen == 'hand' or (state == 'waiting' or state == 'delayed') and waiting > 0 then
  cancelled()
else
  if state == 'dead' then return 'dead' end
  if mark > 0 then cancelled(mark) end
  return 'unknown'
end
redis.pcall('HINCRBY', KEYS[8], 'cancelled', 1)
return 'cancelled'
