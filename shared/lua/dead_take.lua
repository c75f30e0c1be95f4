#!lua flags=allow-oom
-- dead_take.lua: one dead letter leaves the list, or is replaced in its place.
--
-- Caller   shared/src/queue/dead/take.rs
-- Why      for one at a time, at a chosen pace, where dead_turn.lua would turn the whole list for each. Deep inside a
--          very long list the oldest one takes its place, since a search would hold Redis for too long
-- Fence    the bytes at the place
-- Again    a repetition finds other bytes there, unless two letters are the same to the byte
-- Cost     O(place), at most 4 ms
--
-- KEYS[1]  list   dead_letter    newest at the left
-- KEYS[2]  list   the lane it goes to
-- KEYS[3]  hash   control        dead_turn: while somebody turns the list no place can be trusted
-- KEYS[4…] hash   status:<id>    where the message has one
-- ARGV[1]  place      from the right, 1 for the rightmost
-- ARGV[2]  bytes      as they are there
-- ARGV[3]  action     requeue, purge or edit
-- ARGV[4]  edited     the new bytes, for edit
-- ARGV[5]  retention  ms, how long the status of a requeued message is kept while it waits
--
-- Returns  'taken'  done
--          'moved'  other bytes are there; nothing changed
--          'busy'   somebody turns the list, or was stopped half way; nothing changed

local dead, lane, control = KEYS[1], KEYS[2], KEYS[3]
local place, bytes, action, edited, retention = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local length = redis.call('LLEN', dead)
redis.call('LLEN', lane)
if redis.call('HEXISTS', control, 'dead_turn') == 1 then return 'busy' end
if redis.call('LINDEX', dead, -place) ~= bytes then return 'moved' end

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

if action == 'edit' then
  redis.call('LSET', dead, -place, edited)
  return 'taken'
end
if place == 1 then
  redis.call('RPOP', dead)
elseif place <= 30000 then
  redis.call('LREM', dead, -1, bytes)
elseif length - place < 30000 then
  redis.call('LREM', dead, 1, bytes)
else
  -- Counted from the left, since the right end moves.
  redis.call('LSET', dead, length - place, redis.call('RPOP', dead))
end
if action == 'requeue' then
  redis.call('LPUSH', lane, bytes)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for i = 4, #KEYS do note(KEYS[i], retention, 'state', 'waiting', 'at', now) end
end
return 'taken'
