"""What the gates do inside Redis, at once and for all workers. Times are in microseconds.

A gate is a hash. ``state`` is ``open`` or ``half_open``; a gate without one is closed. ``until``
is when a probe may go, ``probe`` and ``probe_until`` whose it is and how long it is waited for,
``opens`` how often it opened in a row, ``calls`` and ``failed`` what opened it. ``tN gN bN``
count what was taken and what failed in the N-th tenth of the window. ``tat`` is when the next
slot is (GCRA's theoretical arrival time), ``not_before`` until when the other side has no room,
``slow_since`` when it began to be spared. What the clock's setting back would make last too long
counts as over.
"""

_LIFE_MS = 2 * 86_400_000

_COMMON = """
local now
if ARGV[1] ~= '' then now = tonumber(ARGV[1]) else
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local function text(number) return string.format('%.0f', number) end
local function keep(key) redis.call('PEXPIRE', key, LIFE_MS) end
""".replace("LIFE_MS", str(_LIFE_MS))

# ARGV now, then for each key: want, slots in the period, the period, horizon, longest time open,
# time that a probe has, its token, longest time without room, first rate and time of sparing
TAKE = (
    _COMMON
    + """
local answers = {}
for n, key in ipairs(KEYS) do
  local a = {unpack(ARGV, n * 10 - 8, n * 10 + 1)}
  local want, slots, period = tonumber(a[1]), tonumber(a[2]), tonumber(a[3])
  local horizon, longest, patience, token = tonumber(a[4]), tonumber(a[5]), tonumber(a[6]), a[7]
  local most_full, first_rate, spared = tonumber(a[8]), tonumber(a[9]), tonumber(a[10])
  local s = redis.call('HMGET', key,
    'state', 'until', 'probe', 'probe_until', 'tat', 'not_before', 'slow_since', 'by_hand')
  local open = s[1] and true or false
  local hold = tonumber(s[6]) or 0
  if hold > now + most_full then hold = 0 end
  if open then
    local till, probing = tonumber(s[2]) or 0, tonumber(s[4]) or 0
    if till > now + longest and not s[8] then till = now end
    hold = math.max(hold, till)
    if s[3] and probing <= now + patience then hold = math.max(hold, probing) end
    want = math.min(want, 1)
  end
  local granted, delay, step, again = 0, 0, 0, -1
  if hold > now then
    again = hold - now
  else
    if slots > 0 then step = period / slots end
    if s[7] then
      local age = now - tonumber(s[7])
      if age < 0 or age >= spared then
        redis.call('HDEL', key, 'slow_since')
      else
        step = math.max(step, 1000000 / (first_rate * 2 ^ (age / 1000000)))
      end
    end
    if step == 0 then
      granted = want
    else
      local tat = tonumber(s[5]) or 0
      if tat < now or tat > now + horizon + step then tat = now end
      if tat <= now + horizon then
        granted = math.min(want, math.floor((now + horizon - tat) / step) + 1)
        delay = tat - now
        tat = tat + granted * step
        redis.call('HSET', key, 'tat', string.format('%.3f', tat))
        keep(key)
      end
      if granted < want or granted == 0 then again = math.max(tat - horizon - now, 0) end
    end
  end
  local probe = 0
  if open and granted == 1 then
    probe = 1
    redis.call('HSET', key, 'state', 'half_open', 'probe', token,
      'probe_until', text(now + patience))
    keep(key)
  end
  local held = hold > now and 1 or 0
  answers[n] = {granted, math.floor(delay), math.floor(step), probe, math.ceil(again), held}
end
return answers
"""
)

# KEYS the gates, then the set of those that are not closed
# ARGV now, then for each gate: its name, how many were taken and how many failed, the probe's
# token and what came of it, least calls, rate, window, time open, longest, time without room
REPORT = (
    _COMMON
    + """
local answers = {}
local register = KEYS[#KEYS]
local function forget(key)
  local fields = {}
  for i = 0, 9 do
    fields[#fields + 1] = 't' .. i
    fields[#fields + 1] = 'g' .. i
    fields[#fields + 1] = 'b' .. i
  end
  redis.call('HDEL', key, 'until', 'probe', 'probe_until', 'by_hand', unpack(fields))
end
local function open(key, name, opens, longest, open_us)
  local till = now + math.min(open_us * 2 ^ math.min(opens - 1, 40), longest)
  forget(key)
  redis.call('HSET', key, 'state', 'open', 'until', text(till), 'opens', opens)
  redis.call('SADD', register, name)
  return till
end
for n = 1, #KEYS - 1 do
  local key = KEYS[n]
  local a = {unpack(ARGV, n * 11 - 9, n * 11 + 1)}
  local name, good, bad, token, outcome = a[1], tonumber(a[2]), tonumber(a[3]), a[4], a[5]
  local min_calls, rate, window = tonumber(a[6]), tonumber(a[7]), tonumber(a[8])
  local open_us, longest, full = tonumber(a[9]), tonumber(a[10]), tonumber(a[11])
  local s = redis.call('HMGET', key, 'state', 'probe', 'opens', 'not_before')
  local what, till = '', 0
  if full > 0 then
    local before = math.max(tonumber(s[4]) or 0, now + full)
    redis.call('HSET', key, 'not_before', text(before), 'slow_since', text(before))
  end
  if good > 0 then redis.call('HSET', key, 'good_at', text(now)) end
  if s[1] then
    if token ~= '' and s[2] == token then
      if outcome == 'good' then
        what = 'closed'
        forget(key)
        redis.call('HDEL', key, 'state', 'opens', 'calls', 'failed')
        redis.call('HSET', key, 'since', text(now), 'slow_since', text(now))
        redis.call('SREM', register, name)
      elseif outcome == 'bad' then
        what = 'reopened'
        till = open(key, name, (tonumber(s[3]) or 1) + 1, longest, open_us)
      else
        redis.call('HDEL', key, 'probe', 'probe_until')
      end
    end
  elseif good + bad > 0 then
    local size = window / 10
    local tenth = math.floor(now / size)
    local i = tenth % 10
    local t = text(tenth)
    if redis.call('HGET', key, 't' .. i) ~= t then
      redis.call('HSET', key, 't' .. i, t, 'g' .. i, good, 'b' .. i, bad)
    else
      if good > 0 then redis.call('HINCRBY', key, 'g' .. i, good) end
      if bad > 0 then redis.call('HINCRBY', key, 'b' .. i, bad) end
    end
    if bad > 0 then
      local all, failed = 0, 0
      for j = 0, 9 do
        local c = redis.call('HMGET', key, 't' .. j, 'g' .. j, 'b' .. j)
        local old = c[1] and tenth - tonumber(c[1])
        if old and old >= 0 and old < 10 then
          all = all + c[2] + c[3]
          failed = failed + c[3]
        end
      end
      if all >= min_calls and failed / all >= rate then
        what = 'opened'
        till = open(key, name, 1, longest, open_us)
        redis.call('HSET', key, 'since', text(now), 'calls', all, 'failed', failed)
      end
    end
  end
  if good + bad + full > 0 or what ~= '' then keep(key) end
  answers[n] = {what, text(till)}
end
return answers
"""
)

# KEYS gate, the set of those that are not closed; ARGV now, name, how long to stay open
TRIP = (
    _COMMON
    + """
local till = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'state', 'open', 'until', text(till), 'by_hand', 1, 'opens', 1,
  'since', text(now))
redis.call('HDEL', KEYS[1], 'probe', 'probe_until', 'calls', 'failed')
redis.call('SADD', KEYS[2], ARGV[2])
keep(KEYS[1])
local left = math.floor(tonumber(ARGV[3]) / 1000)
if left > redis.call('PTTL', KEYS[1]) then redis.call('PEXPIRE', KEYS[1], text(left)) end
return text(till)
"""
)

# KEYS gate, the set of those that are not closed; ARGV now, name
RESET = (
    _COMMON
    + """
local was = redis.call('HGET', KEYS[1], 'state')
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
if was then
  redis.call('HSET', KEYS[1], 'since', text(now), 'slow_since', text(now))
  keep(KEYS[1])
end
return was or ''
"""
)
