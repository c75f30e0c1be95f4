#!lua flags=allow-oom
-- complete.lua: messages that their provider accepted leave the queue.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token: a token taken over has none, and changes nothing
-- Cost     O(messages given); those without an id go in one command each for all
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters       sent, stale_settles
-- KEYS[4]  list   recent         capped at 1,000
-- KEYS[5]  hash   control        breaker, which closes
-- KEYS[6…] hash   status:<id>    one for each message with an id, in order
-- ARGV[1]  again      1 when this call may have run before: what is gone then was settled by it and is not counted
-- ARGV[2]  retention  ms, how long status is kept
-- ARGV[3]  plain      how many messages without an id are given
-- ARGV[4]  entries    how many entries for `recent` they leave: one at least where `plain` is not 0
-- ARGV[5…] the tokens of those, then their entries (JSON); then for each message with an id: token, entry,
--          provider_id (may be empty), attempts, result (may be empty). Attempts are empty where nothing more is
--          to be told than that it was sent at the first one: such statuses are all alike, and are copied, which is
--          one command where a hash with a TTL takes two
--
-- Returns  how many of the messages were not in hand any more

local processing, messages, counters, recent, control = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local again, retention, plain, entries = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZCARD', processing)
redis.call('LLEN', recent)
local broken = redis.call('HEXISTS', control, 'breaker') == 1

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local tokens, lines, ended, ids = {}, {}, {}, 5
for i = 5, 4 + plain do tokens[#tokens + 1] = ARGV[i] end
for i = 5 + plain, 4 + plain + entries do lines[#lines + 1] = ARGV[i] end
for i = 5 + plain + entries, #ARGV, 5 do
  ids = ids + 1
  if redis.call('HEXISTS', messages, ARGV[i]) == 1 then
    tokens[#tokens + 1], lines[#lines + 1], ended[#ended + 1] = ARGV[i], ARGV[i + 1], {KEYS[ids], i}
  end
end
local sent, given = 0, plain + ids - 5
if #tokens > 0 then
  sent = redis.call('HDEL', messages, unpack(tokens))
  redis.call('ZREM', processing, unpack(tokens))
end
if sent > 0 then
  if #lines > 0 then redis.call('LPUSH', recent, unpack(lines)) end
  redis.call('LTRIM', recent, 0, 999)
  -- Whatever was wrong with the provider is over.
  if broken then redis.call('HDEL', control, 'breaker') end
  redis.pcall('HINCRBY', counters, 'sent', sent)
end
if #ended > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local bare
  for _, message in ipairs(ended) do
    local status, i = message[1], message[2]
    if ARGV[i + 3] ~= '' then
      note(status, retention, 'state', 'sent', 'at', now, 'attempts', ARGV[i + 3], 'provider_id', ARGV[i + 2])
      if ARGV[i + 4] ~= '' then redis.pcall('HSET', status, 'result', ARGV[i + 4]) end
    elseif bare then
      redis.pcall('COPY', bare, status, 'REPLACE')
    else
      bare = status
      redis.pcall('DEL', status)
      note(status, retention, 'state', 'sent', 'at', now, 'attempts', 1)
    end
  end
end
if given > sent and not again then redis.pcall('HINCRBY', counters, 'stale_settles', given - sent) end
return given - sent
