#!lua flags=allow-oom
-- intake.lua: nobody may enqueue through the library, queuectl and HTTP any more, or may again.
--
-- Caller   shared/src/queue/intake.rs
-- Again    a repetition pauses since the same time
-- Cost     O(1)
--
-- KEYS[1]  hash   control   intake_paused (since when, ms), intake_note
-- ARGV[1]  pause  1 to pause, 0 to let them again
-- ARGV[2]  note   why, may be empty
--
-- Returns  1 when the intake was paused before, else 0

local control = KEYS[1]
local was = redis.call('HEXISTS', control, 'intake_paused')
if ARGV[1] == '1' then
  local time = redis.call('TIME')
  redis.call('HSETNX', control, 'intake_paused', string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)))
  redis.call('HSET', control, 'intake_note', ARGV[2])
else
  redis.call('HDEL', control, 'intake_paused', 'intake_note')
end
return was
