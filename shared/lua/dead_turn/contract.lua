#!lua flags=allow-oom
-- dead_turn.lua: look at the oldest dead letters, move the chosen ones, and put the others at the other end.
--
-- Caller   shared/src/queue/dead/turn.rs
-- Why      a list lets go of what lies inside only by a slow search from an end; turned once, it is in its old order
-- Fence    owner and step: a repeated step is answered, not done again. One operator at a time, the next finishes the
--          turn of one that died; the mark of the last step stays until a call with count 0 takes it off
-- Parts    dead_turn/{contract,move}.lua, joined in this order by shared/src/script.rs
-- Cost     O(count), whatever the length of the list
--
-- KEYS[1]  list   dead_letter    newest at the left
-- KEYS[2]  hash   control        dead_turn: <owner>:<ms until which it keeps others out>:<step>:<left>:<list length>
-- KEYS[3]  list   pending:high
-- KEYS[4]  list   pending
-- KEYS[5]  list   pending:low
-- KEYS[6]  hash   counters       dead_turns
-- KEYS[7…] hash   status:<id>    one for each message with `has_id` 1, in order
-- ARGV[1]  owner      start id of the caller
-- ARGV[2]  keep       ms for which others are kept out
-- ARGV[3]  step       0 to look who turns the list, 1 to begin, then one more after each that was done
-- ARGV[4]  count      entries to turn, from the right end
-- ARGV[5]  last       fingerprint of the leftmost of these
-- ARGV[6]  retention  ms, how long the status of a requeued message is kept while it waits
-- ARGV[7…] for each chosen one: place (1 for the rightmost), fingerprint (SHA-1 of length, first and last 4 KiB),
--          where to (h, p or l for its lane, x for nowhere), has_id
--
-- Returns  {'turned', left}   done, with so many entries still to be turned
--          {'moved', left}    these are not the entries there; nothing changed
--          {'adopted', left}  to step 0: somebody's turn was broken off, and is the caller's now
--          {'lost', 0}        there is no such turn any more
--          {'busy', until}    somebody else turns the list

local dead, control, lanes = KEYS[1], KEYS[2], {h = KEYS[3], p = KEYS[4], l = KEYS[5]}
local owner, keep, step, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = redis.call('LLEN', dead)
for i = 3, 5 do redis.call('LLEN', KEYS[i]) end

local function answer(word, done, left)
  redis.call('HSET', control, 'dead_turn', table.concat({owner, now + keep, done, left, redis.call('LLEN', dead)}, ':'))
  return {word, left}
end
local function fingerprint(bytes) return redis.sha1hex(#bytes .. ':' .. bytes:sub(1, 4096) .. bytes:sub(-4096)) end

local state = redis.call('HGET', control, 'dead_turn') or ''
local holder, ends, done, left, before = state:match('^(%w+):(%d+):(%d+):(%d+):(%d+)$')
ends, done, left = tonumber(ends or 0), tonumber(done or 0), tonumber(left or 0)
-- What was taken from the right end by hand need not be turned any more.
left = math.max(math.min(left - math.max((before or 0) - length, 0), length), 0)
if holder ~= owner and left > 0 then
  if step > 0 or (ends > now and ends - now <= keep) then return {'busy', ends} end
  redis.pcall('HINCRBY', KEYS[6], 'dead_turns', 1)
  return answer('adopted', 0, left)
end
if holder ~= owner then holder, done, left = nil, 0, length end
if step == 0 then return {holder and 'adopted' or 'turned', left} end
if count == 0 and holder then redis.call('HDEL', control, 'dead_turn') end
if count == 0 or step == done then return {'turned', left} end
if step ~= done + 1 then return {'lost', 0} end
