#!lua flags=allow-oom
-- sweep.lua: one step in search of what an operator's hand or a broken clock left behind.
--
-- Caller   shared/src/worker/sweep.rs, every fifth poll
-- Why      the bytes are the truth: bytes whose member was deleted come back. Where the counts agree nothing is
--          searched, so that an idle queue costs four counts; but a member without bytes hides bytes without a
--          member from them, so now and then a search is forced
-- Cost     O(count), no matter how much waits
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  zset   delayed
-- ARGV[1]  cursor   of HSCAN; 0 starts over
-- ARGV[2]  count    fields to look at, about
-- ARGV[3]  lease    ms, for members that come back: their owner renews them, else they are taken over after it
-- ARGV[4]  longest  ms, the longest lease there can be: a score further away is brought back to it
-- ARGV[5]  force    1 to begin a search although the counts agree; one that has begun goes on by its cursor
--
-- Returns  {cursor, restored}   the cursor to go on from, and how many members came back

local processing, messages, delayed = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local longest = now + ARGV[4]
redis.call('HLEN', messages)
local expected = redis.call('ZCARD', processing) + redis.call('ZCARD', delayed)

local far = redis.call('ZRANGE', processing, '+inf', '(' .. longest, 'BYSCORE', 'REV', 'LIMIT', 0, 100, 'WITHSCORES')
for i = 1, #far, 2 do
  -- Half a millisecond is a mark that stays, see extend.lua.
  redis.call('ZADD', processing, 'XX', longest - (far[i + 1] % 1 == 0.5 and 0.5 or 0), far[i])
end
if redis.call('HLEN', messages) == expected and ARGV[1] == '0' and ARGV[5] ~= '1' then return {'0', 0} end

local restored = 0
local step = redis.call('HSCAN', messages, ARGV[1], 'COUNT', ARGV[2])
for i = 1, #step[2], 2 do
  local field = step[2][i]
  if field:match('^[^:]+:%a:%d+$') then
    restored = restored + redis.call('ZADD', delayed, 'NX', now, field)
  else
    restored = restored + redis.call('ZADD', processing, 'NX', now + ARGV[3], field)
  end
end
return {step[1], restored}
