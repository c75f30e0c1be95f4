
local entries, chosen, ids = redis.call('LRANGE', dead, -count, -1), {}, 6
local same = #entries == count and count <= left and fingerprint(entries[1]) == ARGV[5]
for i = 7, #ARGV, 4 do
  local place = tonumber(ARGV[i])
  same = same and fingerprint(entries[count + 1 - place] or '') == ARGV[i + 1]
  chosen[place] = i + 2
end
if not same then return {'moved', left} end
if step == 1 then redis.pcall('HINCRBY', KEYS[6], 'dead_turns', 1) end
for place = 1, count do
  local i = chosen[place]
  local to = i and ARGV[i]
  if to == 'x' then redis.call('RPOP', dead) else redis.call('RPOPLPUSH', dead, to and lanes[to] or dead) end
  if i and ARGV[i + 1] == '1' then
    ids = ids + 1
    -- Any other state of the id is that of another message. What was cancelled was another copy of it.
    local known = redis.pcall('HMGET', KEYS[ids], 'state', 'stamp')
    local said, mark = known[1], known[2]
    if known.err then redis.pcall('DEL', KEYS[ids]) end
    if not said or said == 'dead' or said == 'cancelled' then
      -- Dead letters carry no stamp. Where `!` is in front, only such a copy may be sent from now on.
      local only = said == 'cancelled' or mark and mark:sub(1, 1) == '!'
      redis.pcall('HSET', KEYS[ids], 'state', 'waiting', 'at', now, 'stamp', only and '!' or '')
      redis.pcall('PEXPIRE', KEYS[ids], ARGV[6])
    end
  end
end
return answer('turned', step, left - count)
