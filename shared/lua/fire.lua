#!lua
-- fire.lua: let a schedule fire once, or drop what it has missed. Refused at `maxmemory`.
--
-- Caller   shared/src/worker/schedules/fire.rs
-- Fence    the definition and the last firing as the caller has read them: of all workers that see a firing due, one
--          moves `last`
-- Why      a status that is there stays: this id was fired before what was restored, or was cancelled beforehand
-- Again    a repetition finds `last` moved and answers 'late'
-- Cost     O(1)
--
-- KEYS[1]  hash   schedules     <name>: the definition; <name>:last: the last firing handled, ms
-- KEYS[2]  hash   control       intake_paused
-- KEYS[3]  hash   counters      enqueued
-- KEYS[4]  list   pending, pending:high or pending:low
-- KEYS[5]  hash   status:<id>
-- ARGV[1]  name
-- ARGV[2]  definition  as read
-- ARGV[3]  last        as read, empty for none
-- ARGV[4]  at          the instant that is handled, ms
-- ARGV[5]  retention   ms, how long status is kept while the message waits
-- ARGV[6]  bytes       the message; empty drops this firing too
--
-- Returns  {answer, now, last}   now is Redis's clock, ms; last what the schedule's is by now
--   'fired'    it is moved to `at`, and the message waits
--   'late'     somebody else was here; nothing changed
--   'changed'  there is another definition by now, or none; nothing changed
--   'early'    that instant is still to come; nothing changed
--   'paused'   the intake is; nothing changed

local schedules, control, counters, lane, status = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, definition, last, at = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local field = name .. ':last'
local there, current = unpack(redis.call('HMGET', schedules, name, field))
current = current or ''
local paused = redis.call('HEXISTS', control, 'intake_paused') == 1
redis.call('LLEN', lane)
if there ~= definition then return {'changed', now, current} end
if current ~= last then return {'late', now, current} end
if at > now then return {'early', now, current} end
if paused then return {'paused', now, current} end

redis.call('HSET', schedules, field, ARGV[4])
if ARGV[6] ~= '' then
  redis.call('LPUSH', lane, ARGV[6])
  local known = redis.pcall('HEXISTS', status, 'state')
  if known ~= 1 then
    if type(known) == 'table' then redis.pcall('DEL', status) end
    redis.pcall('HSET', status, 'state', 'waiting', 'at', now, 'enqueued_at', now)
    redis.pcall('PEXPIRE', status, ARGV[5])
  end
  redis.pcall('HINCRBY', counters, 'enqueued', 1)
end
return {'fired', now, ARGV[4]}
