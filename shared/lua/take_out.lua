#!lua flags=allow-oom
-- take_out.lua: a cancelled message leaves the list that it waits in.
--
-- Caller   shared/src/queue/cancel.rs
-- Why      begin.lua drops it anyway once it comes up; until then it would be counted, and exported. A list lets go of
--          what lies deep inside only by a search that holds Redis: that one stays until it comes up
-- Again    a repetition finds it gone
-- Cost     O(distance from the nearest end), 20,000 at most
--
-- KEYS[1]  list   the lane, or claimed
-- KEYS[2]  hash   status:<id>
-- ARGV[1]  bytes
--
-- Returns  how many copies were taken out, 0 or 1

local list, status, bytes = KEYS[1], KEYS[2], ARGV[1]
local reach = 20000
redis.call('LLEN', list)
if redis.pcall('HGET', status, 'state') ~= 'cancelled' then return 0 end
local side = redis.call('LPOS', list, bytes, 'MAXLEN', reach) and 1
  or redis.call('LPOS', list, bytes, 'RANK', -1, 'MAXLEN', reach) and -1
if not side then return 0 end
redis.call('LREM', list, side, bytes)
return 1
