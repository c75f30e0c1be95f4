#!lua
-- import.lua: put exported messages where they were. Refused at `maxmemory`.
--
-- Caller   shared/src/queue/transfer/import.rs
-- Fence    the mark in `control`, which says how far the import has come: a repetition finds another one
-- Cost     O(messages given)
--
-- KEYS[1]  zset   processing     by the old token, with the old end of its lease
-- KEYS[2]  hash   messages
-- KEYS[3]  zset   delayed
-- KEYS[4]  list   claimed
-- KEYS[5]  list   pending:high
-- KEYS[6]  list   pending
-- KEYS[7]  list   pending:low
-- KEYS[8]  list   dead_letter
-- KEYS[9]  hash   control        import: the mark
-- KEYS[10…] hash  status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  before     the mark that must be there, empty for none
-- ARGV[2]  after      the mark to leave, empty for none
-- ARGV[3]  retention  ms, how long the status of a message is kept while it waits
-- ARGV[4…] for each message, oldest first: place (processing, delayed, claimed, high, pending, low or dead_letter),
--          name (token or member, else empty), score (ms, else 0), bytes, has_id
--
-- Returns  {mark, known}   the mark that is there now, and how many of the messages were there already by their names

local processing, messages, delayed, control = KEYS[1], KEYS[2], KEYS[3], KEYS[9]
local before, after, retention = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lists = {claimed = KEYS[4], high = KEYS[5], pending = KEYS[6], low = KEYS[7], dead_letter = KEYS[8]}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, zset in ipairs({processing, delayed}) do redis.call('ZCARD', zset) end
for _, list in pairs(lists) do redis.call('LLEN', list) end
redis.call('HLEN', messages)
local mark = redis.call('HGET', control, 'import') or ''
if mark ~= before then return {mark, 0} end

-- A status is a hint: what one says already of an id is newer than the export, and one that is no hash is replaced.
-- That of a dead letter binds nobody.
local function note(status, place, name, score)
  local said = redis.pcall('HEXISTS', status, 'state')
  if place == 'dead_letter' or said == 1 then return end
  if type(said) == 'table' then redis.pcall('DEL', status) end
  local delayed, sending = place == 'delayed', place == 'processing'
  local state = delayed and 'delayed' or sending and 'sending' or 'waiting'
  redis.pcall('HSET', status, 'state', state, 'at', now, delayed and 'member' or 'token', name)
  local due = delayed and math.min(math.floor(score), 253402300799999) or now
  if not sending then redis.pcall('PEXPIRE', status, retention + math.max(due - now, 0)) end
end

local known, ids = 0, 9
for i = 4, #ARGV, 5 do
  local place, name, score, bytes = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local there = false
  if lists[place] then
    redis.call('LPUSH', lists[place], bytes)
  elseif redis.call('HSETNX', messages, name, bytes) == 1 then
    redis.call('ZADD', place == 'delayed' and delayed or processing, score, name)
  else
    known, there = known + 1, true
  end
  if ARGV[i + 4] == '1' then
    ids = ids + 1
    if not there then note(KEYS[ids], place, name, tonumber(score)) end
  end
end
if after == '' then redis.call('HDEL', control, 'import') else redis.call('HSET', control, 'import', after) end
return {after, known}
