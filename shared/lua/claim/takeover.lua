
-- One lapsed lease, and only for a worker that holds nothing: whatever took the last holder down must find no
-- neighbours here. Tokens without bytes are removed on the way.
if now <= takeover then
  for _, token in ipairs(redis.call('ZRANGE', processing, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)) do
    local bytes = redis.call('HGET', messages, token)
    if not bytes then
      lapsed[#lapsed + 1], orphans = token, orphans + 1
    elseif alone and count == 0 then
      -- A name put there by hand need not be one that a worker can read.
      local ref, lane, crashes = token:match('^([%w.]+):(%a):(%d+)')
      crashes = string.format('%d', math.min((crashes or 0) + 1, 4294967295))
      lapsed[#lapsed + 1], old[#old + 1] = token, token
      take(ref, ':' .. (lane or 'p') .. ':' .. crashes .. ':', bytes)
      room, takeovers = 1, 1
    else
      suspect = 1
      break
    end
  end
end
