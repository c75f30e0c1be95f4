#!lua flags=allow-oom
-- resume.lua: let workers claim again.
--
-- Caller   shared/src/queue/pause.rs
-- Again    a repetition finds no pause
-- Cost     O(1)
--
-- KEYS[1]  hash   control   paused_until, paused_note
-- ARGV[1]  only   end of the pause that is meant, as pause.lua answered; empty for any
--
-- Returns  1 where there was such a pause, else 0

local control, only = KEYS[1], ARGV[1]
local ends = redis.call('HGET', control, 'paused_until')
if not ends or (only ~= '' and ends ~= only) then return 0 end
redis.call('HDEL', control, 'paused_until', 'paused_note')
return 1
