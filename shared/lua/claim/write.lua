
local why = #tokens < room and 'empty' or 'more'
if #tokens > 0 then
  for _, held in ipairs(redis.call('HMGET', messages, unpack(tokens))) do
    if held then return redis.error_reply('REDISPATCH token exists') end
  end
end
if #lapsed > 0 then redis.call('ZREM', processing, unpack(lapsed)) end
if #undelayed > 0 then redis.call('ZREM', delayed, unpack(undelayed)) end
if #old > 0 then redis.call('HDEL', messages, unpack(old)) end
if orphans > 0 then redis.call('HINCRBY', counters, 'orphans', orphans) end
if takeovers > 0 then redis.call('HINCRBY', counters, 'taken_over', takeovers) end
if credit then redis.call('HSET', control, 'lane_credit', credit) end
for list, n in pairs(taken) do redis.call('LTRIM', list, 0, -(n + 1)) end
if #tokens > 0 then
  redis.call('HSET', messages, unpack(fields))
  redis.call('ZADD', processing, unpack(leases))
end
if #tokens > 0 or again then redis.call('HSET', claims, start, seq) end

local answer = {why, wait, suspect, now, takeovers}
for i = 1, #fields do answer[5 + i] = fields[i] end
return answer
