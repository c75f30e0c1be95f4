#!lua flags=allow-oom
-- dead_take.lua: one dead letter leaves the list, or is replaced in its place.
--
-- Caller   shared/src/queue/dead/take.rs
-- Why      for one at a time, at a chosen pace, where dead_turn.lua would turn the whole list for each. Deep inside a
--          very long list the oldest one takes its place, since a search would hold Redis for too long
-- Fence    the bytes at the place, and the mark, which is answered and not done again
-- Cost     O(place), at most 4 ms where letters are small
--
-- KEYS[1]  list   dead_letter    newest at the left
-- KEYS[2]  list   the lane it goes to
-- KEYS[3]  hash   control        dead_turn: while somebody turns the list no place can be trusted; dead_taken: the mark
-- KEYS[4…] hash   status:<id>    where the message has one
-- ARGV[1]  mark       of the caller and this call
-- ARGV[2]  place      from the right, 1 for the rightmost
-- ARGV[3]  bytes      as they are there
-- ARGV[4]  action     requeue, purge or edit
-- ARGV[5]  edited     the new bytes, for edit
-- ARGV[6]  retention  ms, how long the status of a requeued message is kept while it waits
--
-- Returns  'taken'  done
--          'moved'  other bytes are there; nothing changed
--          'busy'   somebody turns the list, or was stopped half way; nothing changed

local dead, lane, control = KEYS[1], KEYS[2], KEYS[3]
local mark, place, bytes, action, edited = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local length = redis.call('LLEN', dead)
redis.call('LLEN', lane)
local marks = redis.call('HMGET', control, 'dead_turn', 'dead_taken')
if marks[2] == mark then return 'taken' end
if marks[1] and not marks[1]:match(':0:%d+$') then return 'busy' end
if redis.call('LINDEX', dead, -place) ~= bytes then return 'moved' end

redis.call('HSET', control, 'dead_taken', mark)
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
if action == 'purge' then return 'taken' end
redis.call('LPUSH', lane, bytes)
for i = 4, #KEYS do
  -- Any other state of the id is that of another message. What was cancelled was another copy of it.
  local known = redis.pcall('HMGET', KEYS[i], 'state', 'stamp')
  local said, mark = known[1], known[2]
  if known.err then redis.pcall('DEL', KEYS[i]) end
  if not said or said == 'dead' or said == 'cancelled' then
    local time = redis.call('TIME')
    -- Dead letters carry no stamp. Where `!` is in front, only such a copy may be sent from now on.
    local only = said == 'cancelled' or mark and mark:sub(1, 1) == '!'
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.pcall('HSET', KEYS[i], 'state', 'waiting', 'at', now, 'stamp', only and '!' or '')
    redis.pcall('PEXPIRE', KEYS[i], ARGV[6])
  end
end
return 'taken'
