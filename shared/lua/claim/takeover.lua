
-- One lapsed lease, and only for a worker that holds nothing: whatever took the last holder down must find no
-- neighbours here. Tokens without bytes are removed on the way. A half millisecond in the score, or `!` in the name,
-- says that the provider may have been told to accept, and that it must not be told again.
if now <= takeover then
  local stale = redis.call('ZRANGE', processing, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16, 'WITHSCORES')
  for i = 1, #stale, 2 do
    local token = stale[i]
    local bytes = redis.call('HGET', messages, token)
    if not bytes then
      lapsed[#lapsed + 1], orphans = token, orphans + 1
    elseif alone and count == 0 and not (fresh and opener_ref == token:match('^[^:]*')) then
      -- A name put there by hand need not be one that a worker can read.
      local ref, lane, crashes, mark = token:match('^([%w.]+):(%a):(%d+)(!?)')
      if stale[i + 1] % 1 == 0.5 then mark = '!' end
      crashes = string.format('%d', math.min((crashes or 0) + 1, 4294967295)) .. (mark or '')
      lapsed[#lapsed + 1], old[#old + 1] = token, token
      take(ref, ':' .. (lane or 'p') .. ':' .. crashes .. ':', bytes)
      room, takeovers = 1, 1
    else
      suspect = 1
      break
    end
  end
end
