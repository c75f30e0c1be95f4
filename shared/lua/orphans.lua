#!lua flags=allow-oom
-- orphans.lua: one step in search of members without bytes. Counts them, and removes them where it is told to.
--
-- Caller   shared/src/queue/orphans.rs
-- Why      bytes without a member need no search of their own: once the members without bytes are known, the counts
--          tell how many there are, and sweep.lua brings them back
-- Again    a repetition finds what is left
-- Cost     O(count), no matter how much waits
--
-- KEYS[1]  zset   the one to look through: processing, delayed
-- KEYS[2]  zset   the other one
-- KEYS[3]  hash   messages
-- KEYS[4]  hash   counters: orphans
-- ARGV[1]  cursor  of ZSCAN; 0 starts over
-- ARGV[2]  count   members to look at, about
-- ARGV[3]  remove  1 to remove what is found and count it in `orphans`
--
-- Returns  {cursor, found, surplus}   the cursor to go on from; members without bytes in this step; how many more
--   messages than members there were before it, which may be negative

local members, other, messages, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local surplus = redis.call('HLEN', messages) - redis.call('ZCARD', members) - redis.call('ZCARD', other)
local step = redis.call('ZSCAN', members, ARGV[1], 'COUNT', ARGV[2])
local found = {}
for i = 1, #step[2], 2 do
  if redis.call('HEXISTS', messages, step[2][i]) == 0 then found[#found + 1] = step[2][i] end
end
if ARGV[3] == '1' and #found > 0 then
  for i = 1, #found, 500 do redis.call('ZREM', members, unpack(found, i, math.min(i + 499, #found))) end
  -- Never an error: a counter that cannot count must stop nothing.
  redis.pcall('HINCRBY', counters, 'orphans', #found)
end
return {step[1], #found, surplus}
