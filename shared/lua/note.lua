#!lua flags=allow-oom
-- note.lua: what a running job says of itself, kept in the status of its id.
--
-- Caller   shared/src/worker/note.rs
-- Fence    the bytes under the token, and the token in the status: a job that is somebody else's by now, and a status
--          that is gone or another's, change nothing
-- Again    a line that is there already, with the same time, is not kept twice
-- Cost     O(the lines kept), at most 16 KiB
--
-- KEYS[1]  hash   messages
-- KEYS[2]  hash   status:<id>    progress, lines
-- ARGV[1]  token
-- ARGV[2]  progress   a number; empty to leave it
-- ARGV[3]  line       {"at":time,"line":text}, without a newline; empty for none
--
-- Returns  1 where the message is not in hand any more, or its id not this message's, else 0

local messages, status, token, progress, line = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local most, size = 100, 16384
if redis.call('HEXISTS', messages, token) == 0 then return 1 end
-- A status is a hint: one that is no hash is nobody's.
local seen = redis.pcall('HMGET', status, 'token', 'lines')
if seen.err or seen[1] ~= token then return 1 end

if progress ~= '' then redis.call('HSET', status, 'progress', progress) end
local lines = seen[2] or ''
if line == '' or ('\n' .. lines .. '\n'):find('\n' .. line .. '\n', 1, true) then return 0 end
lines = lines == '' and line or lines .. '\n' .. line
local _, breaks = lines:gsub('\n', '')
local from = 1
-- The oldest go first.
while breaks >= most or #lines - from >= size do
  local cut = lines:find('\n', from, true)
  if not cut then break end
  from, breaks = cut + 1, breaks - 1
end
redis.call('HSET', status, 'lines', lines:sub(from))
return 0
