#!lua flags=no-writes
-- seek.lua: look for copies of a message in a part of a list.
--
-- Caller   shared/src/queue/seek.rs
-- Why      a list of a million messages would be hundreds of megabytes on the wire; whoever asks reads only those that
--          hold the text
-- Again    changes nothing
-- Cost     O(bytes of the part)
--
-- KEYS[1]  list
-- ARGV[1]  from   index from the left: what is claimed meanwhile leaves at the right, and none is missed
-- ARGV[2]  count  how many to look at
-- ARGV[3]  text   what they must hold; empty for all
--
-- Returns  {looked, size, index, bytes, index, bytes, …}  how many were there, their bytes in all, and those that hold
--          the text

local from, count, text = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local part = redis.call('LRANGE', KEYS[1], from, from + count - 1)
local answer = {#part, 0}
for i, bytes in ipairs(part) do
  answer[2] = answer[2] + #bytes
  if bytes:find(text, 1, true) then answer[#answer + 1], answer[#answer + 2] = from + i - 1, bytes end
end
return answer
