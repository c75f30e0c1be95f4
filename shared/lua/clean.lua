#!lua flags=allow-oom
-- clean.lua: forget messages that ended: their lines of `recent`, and the statuses of their ids.
--
-- Caller   shared/src/queue/clean.rs
-- Why      a status is forgotten only where it still says so: an id that waits, runs or ended anew keeps its own
-- Again    a line that is gone is not counted, and its status is left alone
-- Cost     O(messages given) for lines near the end of `recent`, 1,000 entries each at most
--
-- KEYS[1]  list   recent
-- KEYS[2…] hash   status:<id>    one for each message
-- ARGV[1]  state   what the status has to say: sent or dead
-- ARGV[2]  before  ms since 1970: since when at the latest
-- ARGV[3…] the lines, in the order of the keys
--
-- Returns  how many lines are gone

local recent, state, before = KEYS[1], ARGV[1], tonumber(ARGV[2])
redis.call('LLEN', recent)
local gone, ids = 0, 1
for i = 3, #ARGV do
  ids = ids + 1
  if redis.call('LREM', recent, -1, ARGV[i]) == 1 then
    gone = gone + 1
    local seen = redis.pcall('HMGET', KEYS[ids], 'state', 'at')
    local says_so = not seen.err and seen[1] == state and (tonumber(seen[2]) or before) < before
    if says_so then redis.call('DEL', KEYS[ids]) end
  end
end
return gone
