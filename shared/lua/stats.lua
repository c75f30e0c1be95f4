#!lua flags=no-writes
-- stats.lua: the numbers of one queue, all of one instant.
--
-- Caller   shared/src/queue/stats.rs
-- Cost     O(1)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  zset   delayed
-- KEYS[3]  list   dead_letter
-- KEYS[4]  list   claimed
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8]  hash   counters
-- KEYS[9]  hash   control
--
-- Returns  {processing, delayed, dead_letter, claimed, high, pending, low, counters, control}
--   counters and control are flat lists of field, value

local answer = {redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2])}
for i = 3, 7 do answer[i] = redis.call('LLEN', KEYS[i]) end
answer[8] = redis.call('HGETALL', KEYS[8])
answer[9] = redis.call('HGETALL', KEYS[9])
return answer
