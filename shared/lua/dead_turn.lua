#!lua flags=allow-oom
-- dead_turn.lua: look at the oldest dead letters, move the chosen ones, and put the others at the other end.
--
-- Caller   shared/src/queue/dead/turn.rs
-- Why      a list lets go of what lies inside only by a search from an end, too slow in a long one; turned once as a
--          whole it is in its old order again. What is dead-lettered meanwhile lies among older ones afterwards
-- Fence    `left`, the entries still to be turned; one operator at a time, the next finishes the turn of one that died
-- Cost     O(count), whatever the length of the list
--
-- KEYS[1]  list   dead_letter    newest at the left
-- KEYS[2]  hash   control        dead_turn: <owner>:<ms until which it keeps others out>:<left>:<length of the list>
-- KEYS[3]  list   pending:high
-- KEYS[4]  list   pending
-- KEYS[5]  list   pending:low
-- KEYS[6…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  owner      start id of the caller
-- ARGV[2]  keep       ms for which others are kept out
-- ARGV[3]  left       as the last call answered; -1 to begin a turn
-- ARGV[4]  count      entries to turn, from the right end
-- ARGV[5]  last       SHA-1 of the leftmost of these
-- ARGV[6]  retention  ms, how long the status of a requeued message is kept while it waits
-- ARGV[7…] for each chosen one, from the right: place (1 for the rightmost), SHA-1 of its bytes, where to (h, p or l
--          for its lane, x for nowhere), has_id
--
-- Returns  {'turned', left}   done; with 0 left the turn is over
--          {'moved', left}    these are not the entries there, or `left` is another, as after a repetition
--          {'adopted', left}  somebody's turn was broken off: it is the caller's now
--          {'busy', until}    somebody else turns the list

local dead, control, lanes = KEYS[1], KEYS[2], {h = KEYS[3], p = KEYS[4], l = KEYS[5]}
local owner, keep, count, retention = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = redis.call('LLEN', dead)
for i = 3, 5 do redis.call('LLEN', KEYS[i]) end

-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local function answer(word, left)
  local turn = string.format('%s:%d:%d:%d', owner, now + keep, left, redis.call('LLEN', dead))
  if left > 0 then redis.call('HSET', control, 'dead_turn', turn) else redis.call('HDEL', control, 'dead_turn') end
  return {word, left}
end

local state = redis.call('HGET', control, 'dead_turn') or ''
local holder, ends, known, before = state:match('^(%w+):(%d+):(%d+):(%d+)$')
known = tonumber(known or -1)
-- What was taken from the right end by hand need not be turned any more.
local left = holder and math.max(math.min(known - math.max(before - length, 0), length), 0) or length
if holder and holder ~= owner then
  if tonumber(ends) > now and ends - now <= keep then return {'busy', tonumber(ends)} end
  return answer('adopted', left)
end
if holder and left ~= known then return answer('moved', left) end
local entries = redis.call('LRANGE', dead, -math.max(count, 1), -1)
local same = known == tonumber(ARGV[3]) and #entries == count and redis.sha1hex(entries[1] or '') == ARGV[5]
local chosen, ids = {}, 5
for i = 7, #ARGV, 4 do
  local place = tonumber(ARGV[i])
  same = same and redis.sha1hex(entries[count + 1 - place] or '') == ARGV[i + 1]
  chosen[place] = i + 2
end
if not same then return {'moved', known} end
for place = 1, count do
  local i = chosen[place]
  local to = i and ARGV[i]
  if to == 'x' then redis.call('RPOP', dead) else redis.call('RPOPLPUSH', dead, to and lanes[to] or dead) end
  if i and ARGV[i + 1] == '1' then
    ids = ids + 1
    note(KEYS[ids], retention, 'state', 'waiting', 'at', now)
  end
end
return answer('turned', left - count)
