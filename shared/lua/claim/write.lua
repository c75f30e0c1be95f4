
local full = probing and 'probing' or limited and 'limited' or 'more'
if rate_due then
  rate_due = rate_due + count * interval
  if count == room and limited then wait = math.max(math.ceil((rate_due - micros) / 1000), 1) end
end
answer[1], answer[2], answer[3], answer[5] = count < room and not probing and 'empty' or full, wait, suspect, takeovers
if count > 0 then
  -- Small sorted sets of short members are searched from end to end for every member. One long member, gone before
  -- anybody sees it, makes Redis build the indexed form at once.
  if count > 8 then redis.call('ZADD', processing, 0, string.rep('-', 65)) end
  local added = redis.call('ZADD', processing, 'NX', unpack(leases))
  if count > 8 then redis.call('ZREM', processing, string.rep('-', 65)) end
  if added < count then
    -- Those that are new have no bytes yet, and go again: nothing else has changed.
    for i = 6, #answer, 2 do
      if redis.call('HEXISTS', messages, answer[i]) == 0 then redis.call('ZREM', processing, answer[i]) end
    end
    return redis.error_reply('REDISPATCH token exists')
  end
end
if #lapsed > 0 then redis.call('ZREM', processing, unpack(lapsed)) end
if #undelayed > 0 then redis.call('ZREM', delayed, unpack(undelayed)) end
if #old > 0 then redis.call('HDEL', messages, unpack(old)) end
if credit then redis.call('HSET', control, 'lane_credit', credit) end
if due_turn then redis.call('HSET', control, 'due_turn', due_turn) end
if probing and count > 0 then redis.call('HSET', control, 'breaker_probe', leases[2]) end
if rate_due and (count > 0 or used ~= 0) then keep_rate() end
for list, n in pairs(taken) do redis.call('LTRIM', list, 0, -(n + 1)) end
if count > 0 then redis.call('HSET', messages, unpack(answer, 6)) end
if count > 0 or again or used ~= 0 then redis.call('HSET', claims, start, seq) end
-- Last, and never an error: a counter that cannot count must stop nothing.
if orphans > 0 then
  redis.pcall('HINCRBY', counters, 'orphans', orphans)
  answer[#answer + 1] = orphans
end
if takeovers > 0 then redis.pcall('HINCRBY', counters, 'taken_over', takeovers) end
return answer
