#!lua flags=allow-oom
-- complete.lua: messages that their provider accepted leave the queue.
--
-- Caller   shared/src/worker/settle.rs
-- Fence    the bytes under the token: a token taken over has none, and changes nothing
-- Parts    complete/{contract,leave,tell}.lua, joined in this order by shared/src/script.rs
-- Why      a bare message has an id and nothing more to tell than that it was sent at the first attempt: such statuses
--          are all alike and are copied, which is one command where a hash with a TTL takes two
-- Cost     O(messages given); plain ones, which have no id, go in one command each for all
--
-- KEYS[1]  zset   processing
-- KEYS[2]  hash   messages
-- KEYS[3]  hash   counters       sent, stale_settles
-- KEYS[4]  list   recent         capped at 1,000
-- KEYS[5]  hash   control        breaker, which closes
-- KEYS[6…] hash   status:<id>    one for each bare message, in order, then one for each other message with an id
-- ARGV[1]  again      1 when this call may have run before: what is gone then was settled by it and is not counted
-- ARGV[2]  retention  ms, how long status is kept
-- ARGV[3]  plain      how many messages without an id are given
-- ARGV[4]  entries    how many entries for `recent` they leave: one at least where `plain` is not 0
-- ARGV[5]  bare       how many bare messages are given
-- ARGV[6…] the tokens of the plain and of the bare ones, then the entries (JSON) of the plain and of the bare ones;
--          then for each other message with an id: token, entry, provider_id (may be empty), attempts, result (may be
--          empty)
--
-- Returns  how many of the messages were not in hand any more

local processing, messages, counters, recent, control = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local again, retention, plain, entries, bare = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]),
  tonumber(ARGV[5])
redis.call('ZCARD', processing)
redis.call('HLEN', messages)
redis.call('LLEN', recent)
local broken = redis.call('HEXISTS', control, 'breaker') == 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
