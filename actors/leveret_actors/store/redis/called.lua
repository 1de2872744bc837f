-- Note tasks that clients called, and (one of them) how it ended. KEYS: one for each. ARGV: milliseconds to keep it, the
-- outcome or nothing, most waiters, then sequence, waiter and message of each. Returns for each sequence, message,
-- outcome, waiters.

for _, key in ipairs(KEYS) do redis.call('HLEN', key) end
local found = {}
for i, key in ipairs(KEYS) do
  local first = 3 * i + 1
  local sequence, waiter, message = tonumber(ARGV[first]), ARGV[first + 1], ARGV[first + 2]
  local record = redis.call('HMGET', key, 'sequence', 'message', 'outcome', 'waiters')
  record = {tonumber(record[1] or 0), record[2] or '', record[3] or '', record[4] or ''}
  if sequence > record[1] then
    record[1], record[2], record[3] = sequence, message, ''
  elseif sequence == record[1] and record[2] == '' then
    record[2] = message
  end
  if record[3] == '' then
    if waiter ~= '' and not string.find(' ' .. record[4] .. ' ', ' ' .. waiter .. ' ', 1, true) then
      local _, others = string.gsub(record[4], '[^ ]+', '%0')
      if others >= tonumber(ARGV[3]) then record[4] = string.gsub(record[4], '^[^ ]+ ?', '') end
      record[4] = record[4] == '' and waiter or record[4] .. ' ' .. waiter
    end
    if sequence == -1 or sequence == record[1] then record[3] = ARGV[2] end
    redis.call('HSET', key, 'sequence', record[1], 'message', record[2], 'outcome', record[3], 'waiters', record[4])
    redis.call('PEXPIRE', key, ARGV[1])
  end
  record[1] = tostring(record[1])
  found[i] = record
end
return found
