
-- Where the parts of ARGV end.
local tokens = 5 + plain + bare
local told = tokens + entries + bare

-- A member that an operator's hand deleted leaves the bytes, and those count.
local lost, full, given = {}, {}, plain + bare
if bare > 0 then
  for n, score in ipairs(redis.call('ZMSCORE', processing, unpack(ARGV, 6 + plain, tokens))) do
    if not score and redis.call('HEXISTS', messages, ARGV[5 + plain + n]) == 0 then lost[n] = true end
  end
end
for at = told + 1, #ARGV, 5 do
  given = given + 1
  full[given - plain - bare] = redis.call('HEXISTS', messages, ARGV[at]) == 1
end

local sent = 0
if tokens > 5 then
  sent = redis.call('HDEL', messages, unpack(ARGV, 6, tokens))
  redis.call('ZREM', processing, unpack(ARGV, 6, tokens))
end
if sent > 0 and next(lost) == nil then
  redis.call('LPUSH', recent, unpack(ARGV, 6 + plain + bare, told))
elseif sent > 0 then
  for n = 1, entries + bare do
    if not lost[n - entries] then redis.call('LPUSH', recent, ARGV[tokens + n]) end
  end
end
for n, is_here in ipairs(full) do
  local at = told + 5 * n - 4
  if is_here then
    redis.call('HDEL', messages, ARGV[at])
    redis.call('ZREM', processing, ARGV[at])
    redis.call('LPUSH', recent, ARGV[at + 1])
    sent = sent + 1
  end
end
if sent > 0 then
  redis.call('LTRIM', recent, 0, 999)
  -- Whatever was wrong with the provider is over.
  if broken then redis.call('HDEL', control, 'breaker') end
  redis.pcall('HINCRBY', counters, 'sent', sent)
end
