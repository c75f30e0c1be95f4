#!lua flags=allow-oom
-- extend.lua: renew the leases of messages in hand.
--
-- Caller   shared/src/worker/keeper.rs
-- Why      a lease is renewed only where the bytes still stand under the token: a member deleted by hand comes back,
--          a lease that was taken over or settled does not
-- Again    a repetition renews once more, which is harmless
-- Cost     O(tokens × log processing)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- ARGV[1]  lease    ms
-- ARGV[2…] tokens
--
-- Returns  the tokens that are not in hand any more

local processing, messages = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local ends = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
redis.call('ZCARD', processing)
local gone = {}
for i = 2, #ARGV do
  if redis.call('HEXISTS', messages, ARGV[i]) == 1 then
    redis.call('ZADD', processing, ends, ARGV[i])
  else
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
