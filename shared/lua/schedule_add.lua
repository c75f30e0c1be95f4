#!lua
-- schedule_add.lua: add a schedule, or replace the one of its name. Refused at `maxmemory`.
--
-- Caller   shared/src/queue/schedule/add.rs
-- Why      a program adds its schedules at each start: the same definition must leave the last firing alone, or what
--          was missed while the program was away would be forgotten
-- Again    a repetition finds its own definition and answers 'unchanged'
-- Cost     O(1)
--
-- KEYS[1]  hash   schedules   <name>: the definition; <name>:last: the last firing handled, ms
-- ARGV[1]  name
-- ARGV[2]  definition  JSON
--
-- Returns  'added'      there was none of this name; it fires from now on
--          'unchanged'  the same one is there
--          'replaced'   another one was there; the new one fires from now on

local schedules, name, definition = KEYS[1], ARGV[1], ARGV[2]
local known = redis.call('HGET', schedules, name)
if known == definition then return 'unchanged' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', schedules, name, definition, name .. ':last', string.format('%d', now))
return known and 'replaced' or 'added'
