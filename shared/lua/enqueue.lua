#!lua
-- enqueue.lua: put messages with ids into a lane, unless they are there already. Refused at `maxmemory`.
--
-- Caller   shared/src/queue/enqueue.rs
-- Again    a repetition finds the ids waiting and answers 'exists'
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages       whoever has bytes there, under its token or member, holds its id
-- KEYS[3]  hash   counters       enqueued
-- KEYS[4]  list   claimed
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8…] hash   status:<id>    one for each message
-- ARGV[1]  lane       h, p or l
-- ARGV[2]  retention  ms, how long status is kept while the message waits
-- ARGV[3…] bytes      one for each message
--
-- Returns  a list, for each message in order
--   'enqueued'  it waits in the lane now
--   'exists'    its id is waiting, in hand, delayed or sent; nothing changed

local processing, messages, counters = KEYS[1], KEYS[2], KEYS[3]
local lane = ({h = KEYS[5], p = KEYS[6], l = KEYS[7]})[ARGV[1]]
local retention = ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waiting = redis.call('ZCARD', processing) + redis.call('LLEN', KEYS[4])
for i = 5, 7 do waiting = waiting + redis.call('LLEN', KEYS[i]) end
redis.call('HLEN', messages)

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local answer, created = {}, 0
for i = 3, #ARGV do
  local status = KEYS[5 + i]
  local state, token, member = unpack(redis.pcall('HMGET', status, 'state', 'token', 'member'))
  if state == 'sent' or (state == 'waiting' and waiting > 0)
    or (state == 'sending' and token and redis.call('HEXISTS', messages, token) == 1)
    or (state == 'delayed' and member and redis.call('HEXISTS', messages, member) == 1) then
    answer[i - 2] = 'exists'
  else
    redis.call('LPUSH', lane, ARGV[i])
    note(status, retention, 'state', 'waiting', 'at', now)
    created, waiting = created + 1, waiting + 1
    answer[i - 2] = 'enqueued'
  end
end
if created > 0 then redis.pcall('HINCRBY', counters, 'enqueued', created) end
return answer
