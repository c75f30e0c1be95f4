
-- A status is a hint: one that is no hash is replaced, and nothing that is wrong with it stops the script.
local function note(status, keep, ...)
  if type(redis.pcall('HSET', status, ...)) == 'table' then
    redis.pcall('DEL', status)
    redis.pcall('HSET', status, ...)
  end
  redis.pcall('PEXPIRE', status, keep)
end

local alike, ids = nil, 5
for n = 1, bare do
  ids = ids + 1
  if lost[n] then
    -- Somebody else's by now.
  elseif alike then
    redis.pcall('COPY', alike, KEYS[ids], 'REPLACE')
  else
    -- Without a TTL there would be nothing to copy.
    alike = retention ~= '0' and KEYS[ids]
    redis.pcall('DEL', KEYS[ids])
    note(KEYS[ids], retention, 'state', 'sent', 'at', now, 'attempts', 1)
  end
end
for n, is_here in ipairs(full) do
  ids = ids + 1
  local at = told + 5 * n - 4
  if is_here then
    note(KEYS[ids], retention, 'state', 'sent', 'at', now, 'attempts', ARGV[at + 3], 'provider_id', ARGV[at + 2])
    if ARGV[at + 4] ~= '' then redis.pcall('HSET', KEYS[ids], 'result', ARGV[at + 4]) end
  end
end
if given > sent and not again then redis.pcall('HINCRBY', counters, 'stale_settles', given - sent) end
return given - sent
