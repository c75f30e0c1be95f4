
-- Every 20th call starts from the lowest lane, so that nothing starves. Else `high` first; `pending` and `low` share
-- 3 : 1, and what is left of the quarter is kept as credit for the next call.
if seq % 20 == 0 then
  read(low, 'l', room_left())
  read(pending, 'p', room_left())
  read(high, 'h', room_left())
else
  read(high, 'h', room_left())
  if waiting[pending] > 0 and waiting[low] > 0 and room_left() > 0 then
    -- What is no credit, put there by hand, counts as none.
    credit = tonumber(gates[5]) or 0
    if not (credit >= 0 and credit <= 100) then credit = 0 end
    credit = credit + room_left()
    local quarter = math.min(math.floor(credit / 4), room_left())
    credit = math.min(credit - 4 * quarter, 100)
    read(pending, 'p', room_left() - quarter)
  else
    read(pending, 'p', room_left())
  end
  read(low, 'l', room_left())
  read(pending, 'p', room_left())
end
