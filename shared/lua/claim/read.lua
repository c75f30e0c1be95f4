
-- What this call will do, collected before anything is written. The four lengths and the reads below also refuse
-- keys of a wrong type while nothing has changed.
local waiting = {[claimed] = redis.call('LLEN', claimed), [high] = redis.call('LLEN', high),
  [pending] = redis.call('LLEN', pending), [low] = redis.call('LLEN', low)}
redis.call('HLEN', messages)
redis.call('HLEN', counters)
local fresh = waiting[claimed] + waiting[high] + waiting[pending] + waiting[low] > 0

local tokens, leases, fields, size = {}, {}, {}, 0
local members, old, orphans, lapsed, undelayed, taken = {}, {}, 0, {}, {}, {}
local suspect, wait, credit, takeovers = 0, -1, nil, 0

-- A name put there by hand has none of the parts: its message gets a reference now.
local function take(ref, lane, crashes, bytes)
  local taker = start .. '.' .. number
  local token = (ref or taker) .. ':' .. (lane or 'p') .. ':' .. crashes .. ':' .. taker
  number = number + 1
  local n = #tokens + 1
  tokens[n] = token
  leases[2 * n - 1], leases[2 * n] = now + lease, token
  fields[2 * n - 1], fields[2 * n] = token, bytes
  size = size + #bytes
end

local function room_left() return room - #tokens end

-- Reads up to `want` messages from the right end of a list, where an earlier read of this call stopped.
local function read(list, lane, want)
  local from, got = taken[list] or 0, 0
  while got < want and from < waiting[list] do
    local step = math.min(want - got, waiting[list] - from)
    if #tokens == 0 then step = math.min(step, 8)
    else step = math.min(step, math.max(1, math.floor((cap - size) * #tokens / (size + 1)))) end
    local batch = redis.call('LRANGE', list, -(from + step), -(from + 1))
    for i = #batch, 1, -1 do
      if #tokens > 0 and size + #batch[i] > cap then
        room = #tokens
        return
      end
      take(nil, lane, 0, batch[i])
      from, got = from + 1, got + 1
      taken[list] = from
    end
  end
end
