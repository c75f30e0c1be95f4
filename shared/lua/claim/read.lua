
-- What this call will do, collected before anything is written. The lengths and the reads below also refuse
-- keys of a wrong type while nothing has changed.
local waiting = {[claimed] = redis.call('LLEN', claimed), [high] = redis.call('LLEN', high),
  [pending] = redis.call('LLEN', pending), [low] = redis.call('LLEN', low)}
redis.call('HLEN', messages)

-- A probe is never the message that opened the breaker, where there is another one: one of the next hundred, which one
-- is left to the clock, since two bad ones that tried in turn would keep it open for ever.
local opener_ref = opener and opener:match('^([^:]*):')
if opener then
  for _, list in ipairs({claimed, high, pending, low}) do
    local front = redis.call('LRANGE', list, -1, -1)[1]
    if front and redis.sha1hex(front) == opener then
      local elsewhere = waiting[claimed] + waiting[high] + waiting[pending] + waiting[low] > waiting[list]
        or #redis.call('ZRANGE', delayed, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1) > 0
      if waiting[list] > 1 then
        local at = -2 - micros % math.min(waiting[list] - 1, 100)
        local other = redis.call('LRANGE', list, at, at)[1]
        redis.call('LREM', list, -1, other)
        redis.call('RPUSH', list, other)
      elseif elsewhere then
        waiting[list] = 0
      end
    end
  end
end
local fresh = waiting[claimed] + waiting[high] + waiting[pending] + waiting[low] > 0

local leases, size, count = {}, 0, 0
local answer = {'more', -1, 0, now, 0}
local old, orphans, lapsed, undelayed, taken = {}, 0, {}, {}, {}
local suspect, wait, takeovers, credit = 0, -1, 0, nil

-- `middle` is all that stands between a message's reference and the taker's number; a fresh message has no
-- reference yet and gets the number itself, and so does one whose name was put there by hand. Numbers are printed
-- once: in Lua that is what costs.
local prefix, format = start .. '.', string.format
local function take(ref, middle, bytes)
  local k = format('%d', number)
  local token = ref and ref .. middle .. prefix .. k or prefix .. k .. middle .. prefix .. k
  number, count = number + 1, count + 1
  local n = 2 * count
  leases[n - 1], leases[n] = lease_end, token
  answer[n + 4], answer[n + 5] = token, bytes
  size = size + #bytes
end

local function room_left() return room - count end

-- Reads up to `want` messages from the right end of a list, where an earlier read of this call stopped.
local function read(list, lane, want)
  local from, got, middle = taken[list] or 0, 0, ':' .. lane .. ':0:'
  while got < want and from < waiting[list] do
    local step = math.min(want - got, waiting[list] - from)
    if count == 0 then step = math.min(step, 8)
    else step = math.min(step, math.max(1, math.floor((cap - size) * count / (size + 1)))) end
    local batch = redis.call('LRANGE', list, -(from + step), -(from + 1))
    for i = #batch, 1, -1 do
      if count > 0 and size + #batch[i] > cap then
        room = count
        return
      end
      take(nil, middle, batch[i])
      from, got = from + 1, got + 1
      taken[list] = from
    end
  end
end
