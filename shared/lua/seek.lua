#!lua flags=no-writes
-- seek.lua: look for copies of a message in a part of a list.
--
-- Caller   shared/src/queue/seek.rs
-- Why      a list of a million messages would be hundreds of megabytes on the wire; whoever asks reads only those that
--          hold the text
-- Again    changes nothing
-- Cost     O(bytes of the part): half a megabyte, or a single message
--
-- KEYS[1]  list
-- ARGV[1]  from   index from the left: what is claimed meanwhile leaves at the right, and none is missed
-- ARGV[2]  count  how many to look at, at most
-- ARGV[3]  text   what they must hold; empty for all
--
-- Returns  {looked, size, index, bytes, index, bytes, …}  how many were looked at, their bytes in all, and those that
--          hold the text; none looked at means that the list ends before

local from, count, text = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local answer, step = {0, 0}, 1
-- One large message is read alone, and after half a megabyte that is enough.
while answer[1] < count and answer[2] < 524288 do
  local part = redis.call('LRANGE', KEYS[1], from, from + math.min(step, count - answer[1]) - 1)
  for i, bytes in ipairs(part) do
    answer[2] = answer[2] + #bytes
    if bytes:find(text, 1, true) then answer[#answer + 1], answer[#answer + 2] = from + i - 1, bytes end
  end
  answer[1], from = answer[1] + #part, from + #part
  if #part < step then break end
  step = math.max(1, math.min(2 * step, 16, math.floor(131072 * answer[1] / (answer[2] + 1))))
end
return answer
