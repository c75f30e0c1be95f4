#!lua flags=allow-oom
-- extend.lua: renew the leases of messages in hand.
--
-- Caller   shared/src/worker/keeper.rs
-- Mark     half a millisecond in the score says that the provider may be told to accept from here on: whoever takes
--          this token over must not send it again. It is never taken off: a renewal that was sent before may come after
-- Why      a lease is renewed only where the bytes still stand under the token: a member deleted by hand comes back,
--          a lease that was taken over or settled does not
-- Again    a repetition renews once more, which is harmless
-- Cost     O(tokens × log processing)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- ARGV[1]  lease    ms
-- ARGV[2]  marked   how many of the tokens, the first ones, get the mark
-- ARGV[3…] tokens
--
-- Returns  the tokens that are not in hand any more

local processing, messages = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local ends = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
local marked = 2 + ARGV[2]
redis.call('ZCARD', processing)
local gone = {}
for i = 3, #ARGV do
  if redis.call('HEXISTS', messages, ARGV[i]) == 1 then
    local mark = i <= marked or (redis.call('ZSCORE', processing, ARGV[i]) or 0) % 1 == 0.5
    redis.call('ZADD', processing, mark and ends .. '.5' or ends, ARGV[i])
  else
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
