#!lua flags=allow-oom
-- pause.lua: let nobody claim for a while.
--
-- Caller   shared/src/queue/pause.rs
-- Again    a repetition pauses as long again from then on
-- Cost     O(1)
--
-- KEYS[1]  hash   control   paused_until, paused_note
-- ARGV[1]  lasts  ms from now on by Redis's clock, -1 until somebody resumes
-- ARGV[2]  note   why, may be empty
--
-- Returns  the end of the pause, ms since 1970, -1 for none

local control, lasts, note = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local time = redis.call('TIME')
local ends = -1
if lasts >= 0 then ends = time[1] * 1000 + math.floor(time[2] / 1000) + lasts end
redis.call('HSET', control, 'paused_until', string.format('%d', ends), 'paused_note', note)
return ends
