#!lua flags=allow-oom
-- reschedule.lua: a message that waits or is delayed is to be sent at another time, and says so itself.
--
-- Caller   shared/src/queue/reschedule.rs
-- Fence    the bytes as they were seen: other bytes, or none, mean that somebody else was faster
-- Why      what waits becomes delayed; deep inside a very long list, where only a search that holds Redis could take
--          it out, it is replaced in its place, and the worker that claims it puts it aside until it is due
-- Again    a repetition finds the new bytes and answers 'moved'; whoever looks then finds it done
-- Cost     O(log delayed), or O(distance from the nearest end of the list), 20,000 at most
--
-- KEYS[1]  hash   messages
-- KEYS[2]  zset   delayed
-- KEYS[3]  hash   status:<id>
-- KEYS[4]  list   that it waits in; any key where it is delayed
-- ARGV[1]  member     that it is delayed as, or is to be
-- ARGV[2]  old        its bytes
-- ARGV[3]  new        its bytes from now on
-- ARGV[4]  due        ms since 1970
-- ARGV[5]  retention  ms, how long status is kept after that
-- ARGV[6]  place      in the list when it was seen, from the left; -1 where it is delayed
-- ARGV[7]  stamp      of the copy in the list, empty where it has none
--
-- Returns  'done'   it is delayed until then, or will be once it is claimed
--          'moved'  it is not there any more; nothing changed

local messages, delayed, status, list = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, old, new, due, place = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6])
local reach = 20000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZCARD', delayed)
redis.call('HLEN', messages)
if place >= 0 then redis.call('LLEN', list) end
local known = redis.pcall('HMGET', status, 'state', 'token', 'member', 'stamp')
local holder = ({sending = known[2], delayed = known[3]})[known[1] or '']
local state = 'delayed'

if place < 0 then
  if redis.call('HGET', messages, member) ~= old then return 'moved' end
else
  -- Another copy of it holds the id, or it is never to be sent.
  if known[1] == 'sent' or known[1] == 'cancelled' then return 'moved' end
  if holder and redis.call('HEXISTS', messages, holder) == 1 then return 'moved' end
  local only = known[4] and known[4]:match('^!(.*)')
  if only and only ~= ARGV[7] and not (known[1] == 'dead' and ARGV[7] == '') then return 'moved' end
  local side = redis.call('LPOS', list, old, 'MAXLEN', reach) and 1
    or redis.call('LPOS', list, old, 'RANK', -1, 'MAXLEN', reach) and -1
  if side then
    redis.call('LREM', list, side, old)
  else
    -- What is pushed meanwhile moves it to the right.
    local found, size, at = nil, 0, place
    while not found and at < place + 50 and size < 524288 do
      local near = redis.call('LINDEX', list, at)
      if not near then break end
      if near == old then found = at end
      size, at = size + #near, at + 1
    end
    if not found then return 'moved' end
    redis.call('LSET', list, found, new)
    state = 'waiting'
  end
end
if state == 'delayed' then
  redis.call('HSET', messages, member, new)
  redis.call('ZADD', delayed, due, member)
end
if known.err then redis.pcall('DEL', status) end
redis.pcall('HSET', status, 'state', state, 'at', now, 'due', due, 'member', member)
redis.pcall('PEXPIRE', status, math.max(due - now, 0) + tonumber(ARGV[5]))
return 'done'
