
local processing, messages, delayed, claimed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local high, pending, low = KEYS[5], KEYS[6], KEYS[7]
local control, claims, counters = KEYS[8], KEYS[9], KEYS[10]
local start, seq, number, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local cap, lease, alone, takeover = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8])
local again, woken, interval, used = ARGV[9] == '1', ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local fresh_worker, layout = ARGV[13] == '1', tonumber(ARGV[14])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- As text, since Redis prints a number digit by digit for every member.
local lease_end = string.format('%d', now + lease)

local last = tonumber(redis.call('HGET', claims, start) or -1) or -1
if seq < last then return {'late', -1, 0, now, 0} end
if seq == last then
  local mine, answer = {}, {'more', 0, 0, now, 0}
  for _, token in ipairs(redis.call('ZRANGE', processing, 0, -1)) do
    local k = tonumber(token:match(':' .. start .. '%.(%d+)$'))
    if k and k >= number and k < number + room then mine[#mine + 1] = {k, token} end
  end
  table.sort(mine, function(a, b) return a[1] < b[1] end)
  for _, held in ipairs(mine) do
    local bytes = redis.call('HGET', messages, held[2])
    if bytes then
      -- An early copy of this call may come when one of them is marked already, see extend.lua.
      local mark = redis.call('ZSCORE', processing, held[2]) % 1 == 0.5 and '.5' or ''
      redis.call('ZADD', processing, 'XX', lease_end .. mark, held[2])
      answer[#answer + 1], answer[#answer + 2] = held[2], bytes
    end
  end
  return answer
end
