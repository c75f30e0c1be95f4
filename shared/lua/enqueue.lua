#!lua
-- enqueue.lua: put messages with ids into a lane, or among the delayed, unless they are there. Refused at `maxmemory`.
--
-- Caller   shared/src/queue/enqueue.rs
-- Why      a copy carries its name as a stamp. After a cancel, or by force, `!` in front of the stamp in `status` says
--          that only the copy of this stamp may be sent: an older one may still wait
-- Again    a repetition finds its own stamps and answers the same. Cost: O(messages given × log delayed)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages       whoever has bytes there, under its token or member, holds its id
-- KEYS[3]  hash   counters       enqueued
-- KEYS[4]  list   claimed
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8]  zset   delayed
-- KEYS[9]  hash   control        layout, intake_paused, intake_note
-- KEYS[10…] hash  status:<id>    one for each message
-- ARGV[1]  lane       h, p or l
-- ARGV[2]  retention  ms, how long status is kept while it waits, and after its due time; 30 days at least with `!`
-- ARGV[3]  force      1 to send again what was sent, and to replace what waits or is delayed
-- ARGV[4]  layout     the newest layout of the keys that the caller knows
-- ARGV[5…] for each message: stamp, due (ms since 1970; 0 for at once), bytes
--
-- Returns  a list, for each message in order
--   'enqueued'  it waits in the lane, or is delayed until it is due
--   'exists'    its id is waiting, in hand, delayed or sent; nothing changed
-- or, and nothing changed, 'newer' and the layout of the keys, which the caller does not know; or 'paused' and the note

local processing, messages, counters, delayed, control = KEYS[1], KEYS[2], KEYS[3], KEYS[8], KEYS[9]
local letter, retention, force = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local lane, long = ({h = KEYS[5], p = KEYS[6], l = KEYS[7]})[letter], math.max(retention, 2592000000)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waiting = redis.call('ZCARD', processing) + redis.call('LLEN', KEYS[4])
for i = 5, 7 do waiting = waiting + redis.call('LLEN', KEYS[i]) end
redis.call('HLEN', messages)
redis.call('ZCARD', delayed)
local intake = redis.call('HMGET', control, 'intake_paused', 'intake_note', 'layout')
if intake[3] and not ((tonumber(intake[3]) or math.huge) <= tonumber(ARGV[4])) then return {'newer', intake[3]} end
if intake[1] then return {'paused', intake[2] or ''} end

local answer, created, ids = {}, 0, 9
for i = 5, #ARGV, 3 do
  ids = ids + 1
  local status, stamp, due = KEYS[ids], ARGV[i], tonumber(ARGV[i + 1])
  local known = redis.pcall('HMGET', status, 'state', 'token', 'member', 'stamp')
  local state, token, member, mark = unpack(known)
  local waits = state == 'waiting' and waiting > 0
  local later = state == 'delayed' and member and redis.call('HEXISTS', messages, member) == 1
  if mark == stamp or mark == '!' .. stamp then
    answer[#answer + 1] = 'enqueued'
  elseif (state == 'sending' and token and redis.call('HEXISTS', messages, token) == 1)
    or not force and (state == 'sent' or waits or later) then
    answer[#answer + 1] = 'exists'
  else
    if later then
      redis.call('HDEL', messages, member)
      redis.call('ZREM', delayed, member)
    end
    -- What it says is of an earlier message of this id, or it is no hash.
    if state or known.err then redis.pcall('DEL', status) end
    if force or state == 'cancelled' or mark and mark:sub(1, 1) == '!' then stamp = '!' .. stamp end
    if due > now then
      member = ARGV[i] .. ':' .. letter .. ':0'
      redis.call('HSET', messages, member, ARGV[i + 2])
      redis.call('ZADD', delayed, due, member)
      redis.pcall('HSET', status, 'state', 'delayed', 'at', now, 'enqueued_at', now, 'stamp', stamp, 'member', member,
        'due', due)
    else
      redis.call('LPUSH', lane, ARGV[i + 2])
      redis.pcall('HSET', status, 'state', 'waiting', 'at', now, 'enqueued_at', now, 'stamp', stamp)
    end
    redis.pcall('PEXPIRE', status, math.max(due - now, 0) + (stamp:match('^!') and long or retention))
    created, waiting = created + 1, waiting + 1
    answer[#answer + 1] = 'enqueued'
  end
end
if created > 0 then redis.pcall('HINCRBY', counters, 'enqueued', created) end
return answer
