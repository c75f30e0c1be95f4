
read(claimed, waiting[claimed] == 1 and woken or 'p', room_left())

-- What is due, at most half of the room while fresh messages wait. A message that crashed a worker before comes alone.
local share = fresh and math.ceil(room_left() / 2) or room_left()
if count < room then
  local due = redis.call('ZRANGE', delayed, 0, share, 'WITHSCORES')
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
    else
      undelayed[#undelayed + 1], old[#old + 1] = member, member
      take(ref, ':' .. (lane or 'p') .. ':' .. crashes .. ':', bytes)
      share = share - 1
      if crashes ~= '0' then room = 1 end
    end
  end
end
