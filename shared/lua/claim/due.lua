
read(claimed, waiting[claimed] == 1 and woken or 'p', room_left())

-- What is due, at most half of the room while fresh messages wait; the odd place goes to both in turn. A message that
-- crashed a worker before comes alone.
local share, due_turn = room_left(), nil
if fresh then
  local odd = share % 2
  if odd == 1 then due_turn = gates[6] == '0' and 1 or 0 end
  share = math.floor(share / 2) + (gates[6] == '0' and 0 or odd)
end
if count < room then
  local due = redis.call('ZRANGE', delayed, 0, share, 'WITHSCORES')
  if not due[1] or tonumber(due[2]) > now then due_turn = nil end
  for i = 1, #due, 2 do
    local member, ends = due[i], tonumber(due[i + 1])
    if ends > now then
      wait = ends - now
      break
    end
    if share == 0 or room_left() == 0 then break end
    local bytes = redis.call('HGET', messages, member)
    local ref, lane, crashes = member:match('^([%w.]+):(%a):(%d+)$')
    crashes = crashes or '0'
    if not bytes then
      undelayed[#undelayed + 1], orphans = member, orphans + 1
    elseif crashes ~= '0' and not (alone and count == 0) then
      suspect = 1
    elseif count > 0 and size + #bytes > cap then
      room = count
    elseif ref and ref == opener_ref and (fresh or due[i + 2] and tonumber(due[i + 3]) <= now) then
      -- Another one tries the provider.
    else
      undelayed[#undelayed + 1], old[#old + 1] = member, member
      take(ref, ':' .. (lane or 'p') .. ':' .. crashes .. ':', bytes)
      share = share - 1
      if crashes ~= '0' then room = 1 end
    end
  end
end
