
local gates = redis.call('HMGET', control, 'paused_until', 'throttled_until', 'breaker', 'rate_due', 'lane_credit',
  'due_turn', 'layout')
-- A newer version is in charge of these keys.
if gates[7] and not ((tonumber(gates[7]) or math.huge) <= layout) then return {'newer', -1, 0, now, 0, gates[7]} end
for _, zset in ipairs({processing, delayed}) do redis.call('ZCARD', zset) end

-- GCRA: messages go at even distances, one number says when the next one may. Up to 20 ms of lateness are made up
-- for, so that workers which wake a little late keep the rate. A clock that was set back stops the queue for as
-- long as the costliest claim could at most, from when it is noticed.
local micros = time[1] * 1000000 + time[2]
local rate_due, set_back, limited
if interval > 0 then
  local kept, most = (tonumber(gates[4] or 0) or 0) + used * interval, micros + 2500 * interval
  rate_due, set_back = math.min(math.max(kept, micros - 20000), most), kept > most
  if rate_due ~= rate_due then rate_due = micros end
end
local function keep_rate() redis.call('HSET', control, 'rate_due', string.format('%.0f', rate_due)) end

local function shut(why, wait, text)
  if rate_due and (used ~= 0 or set_back) then keep_rate() end
  if again or used ~= 0 then redis.call('HSET', claims, start, seq) end
  return {why, wait, 0, now, 0, text}
end

for i, why in ipairs({'paused', 'throttled'}) do
  local ends = tonumber(gates[i] or 0) or -1
  if not (ends >= 0 and ends <= now) then return shut(why, ends > now and ends - now or -1) end
end

-- Half open, one message goes, and its slot lasts as long as its lease. An end that is further away than the pause is
-- long is that of a clock which was set back.
local probing, opener
if gates[3] == 'open' then
  local state = redis.call('HMGET', control, 'breaker_until', 'breaker_probe', 'breaker_why', 'breaker_opener',
    'breaker_pause')
  local ends = fresh_worker and 0 or tonumber(state[1] or 0) or 0
  if ends - now > (tonumber(state[5] or '') or ends) then ends = 0 end
  local slot = state[2] and tonumber(redis.call('ZSCORE', processing, state[2]) or 0) or 0
  local wait = math.max(ends, slot) - now
  if wait > 0 then return shut('open', math.ceil(wait), state[3] or '') end
  probing, opener, room = true, state[4], 1
end

if rate_due then
  if rate_due > micros then return shut('limited', math.ceil((rate_due - micros) / 1000)) end
  local allowed = math.floor((micros - rate_due) / interval) + 1
  if allowed <= room then room, limited = allowed, true end
end
