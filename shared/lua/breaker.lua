#!lua flags=allow-oom
-- breaker.lua: tell that the provider failed messages in hand, and hear whether the breaker is open for it.
--
-- Caller   shared/src/worker/breaker.rs
-- Why      one breaker for all workers. `claim.lua` heeds it; `complete.lua` and `split.lua` close it by deleting
--          the field `breaker`, as anybody may: without it the others mean nothing
-- Opens    'config': at once. 'sender': with the second message. 'unreachable': at the third failure in a row.
--          'unavailable', 'in_doubt': at the fifth in a row, or where the message has no try left; either way
--          only when another message failed too. Open, it pauses; then half open: one message shows whether it closes
-- Again    a repetition finds its tokens counted, and the probe's slot empty: nothing is counted or doubled twice
-- Cost     O(messages given)
--
-- KEYS[1]  hash   control     breaker ('failing' or 'open'), breaker_since, breaker_until (ms since 1970),
--                             breaker_pause (ms, the last one), breaker_failed (tokens that failed in a row),
--                             breaker_why (text), breaker_opener (its token, then the hash of its bytes),
--                             breaker_probe (token of the message that is to show whether it closes)
-- KEYS[2]  hash   counters    sent
-- ARGV[1]  first     ms, the first pause; each one after it is twice as long
-- ARGV[2]  longest   ms
-- ARGV[3…] for each message: token, kind, last (1 when it has no try left), why (text)
--   kind     one of those above, or 'throttle', which opens nothing and only wants to know `sent`
--
-- Returns  {sent, pause, verdict, verdict, …}
--   sent     how many messages the queue has sent in all
--   pause    ms, where this call opened the breaker or kept it open; else 0
--   verdict  for each message in order
--     'opened'   it opened the breaker; 'kept': it was the probe, and keeps it open for a longer pause
--     'open'     the breaker is open already; 'counted': it is not

local control, first, longest, time = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limits = {sender = 2, unreachable = 3, unavailable = 5, in_doubt = 5}
local state = redis.call('HMGET', control, 'breaker', 'breaker_pause', 'breaker_probe', 'breaker_failed',
  'breaker_since')
if not state[1] then state = {} end
local open, pause, probe, failed = state[1] == 'open', tonumber(state[2] or 0) or 0, state[3], state[4] or ''
local sent = redis.pcall('HGET', KEYS[2], 'sent')
local answer = {type(sent) == 'string' and tonumber(sent) or 0, 0}

-- What failed together is counted before any of it is judged. A message that fails again is no other message.
for i = 3, #ARGV, 4 do
  local mark = ARGV[i + 1]:sub(1, 3) .. '=' .. ARGV[i]
  if limits[ARGV[i + 1]] and not open and not (failed .. ' '):find(' ' .. mark .. ' ', 1, true) then
    failed = failed .. ' ' .. mark
  end
end

local function too_many(token, kind, last)
  if kind == 'config' then return true end
  local count, others, ref = 0, false, token:match('^[^:]*')
  for of_kind, other in failed:gmatch('([%a_]+)=([^: ]*)') do
    if (of_kind == 'sen') == (kind == 'sender') then
      count, others = count + 1, others or other ~= ref
    end
  end
  if kind == 'unreachable' then return count >= limits[kind] end
  return others and (last or count >= limits[kind])
end

for i = 3, #ARGV, 4 do
  local token, kind, why = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  local verdict = 'counted'
  if kind ~= 'throttle' then
    if open then verdict = token == probe and 'kept' or 'open'
    elseif too_many(token, kind, ARGV[i + 2] == '1') then verdict = 'opened' end
  end
  if verdict == 'opened' or verdict == 'kept' then
    pause = math.min(open and math.max(first, 2 * pause) or first, longest)
    redis.call('HSET', control, 'breaker', 'open', 'breaker_until', now + pause, 'breaker_pause', pause,
      'breaker_why', why, 'breaker_opener', token, 'breaker_since', open and state[5] or now)
    redis.call('HDEL', control, 'breaker_probe', 'breaker_failed')
    open, probe, failed, answer[2] = true, nil, '', pause
  end
  answer[#answer + 1] = verdict
end
if not open and failed ~= '' then
  if #failed > 1000 then failed = failed:sub(-1000):match(' .*') or '' end
  redis.call('HSET', control, 'breaker', 'failing', 'breaker_failed', failed)
end
return answer
