"""Presence in Redis: who is on a channel, by scripts, so that what is told is what is so.

A member is there while any connection of theirs is. Connections stand under the server that holds
them; a server that has not been heard of for its lease is swept, by any other.
"""

from typing import Final

from hub import keys
from hub.channels.publish import SAY

_KEPT_S = 86_400

_BEGIN = (
    SAY.replace("{", "{{").replace("}", "}}")
    + """
-- tells of a member on the channel's own presence channel
local function tell(event, channel, member, info, id)
  local time = redis.call('TIME')
  local count = redis.call('HLEN', '{presence}' .. channel)
  local data = '{{"member":' .. cjson.encode(member) .. ',"info":' .. info .. ',"count":' ..
    string.format('%.0f', count) .. '}}'
  local ts = string.format('%.0f', time[1] * 1000000 + time[2])
  local name = 'presence.' .. channel
  say(ARGV[1], name, ARGV[2], ARGV[3],
    {{'id', id, 'channel', name, 'event', event, 'data', data, 'ts', ts}})
end

-- a connection ends: field 'connection channel' of its server's
local function leave(server, field, id)
  local here = '{connections}' .. server
  local member = redis.call('HGET', here, field)
  if not member then return 0 end
  redis.call('HDEL', here, field)
  local channel = string.sub(field, string.find(field, ' ', 1, true) + 1)
  local room = '{presence}' .. channel
  local known = redis.call('HGET', room, member)
  if not known then return 0 end
  local told = cjson.decode(known)
  told.connections = told.connections - 1
  if told.connections > 0 then
    redis.call('HSET', room, member, cjson.encode(told))
    return 0
  end
  redis.call('HDEL', room, member)
  tell('leave', channel, member, told.info, id)
  return 1
end
"""
).format(presence=keys.presence(""), connections=keys.connections(""))

# ARGV a new epoch, length and seconds of history, server, 'connection channel', member, info as
# JSON, message id
JOIN: Final = (
    _BEGIN
    + f"""
local here = '{keys.connections("")}' .. ARGV[4]
if redis.call('HSETNX', here, ARGV[5], ARGV[6]) == 0 then return 0 end
redis.call('EXPIRE', here, {_KEPT_S})
local channel = string.sub(ARGV[5], string.find(ARGV[5], ' ', 1, true) + 1)
local room = '{keys.presence("")}' .. channel
local known = redis.call('HGET', room, ARGV[6])
local time = redis.call('TIME')
local told = {{since = time[1] * 1000 + math.floor(time[2] / 1000), connections = 0}}
if known then told = cjson.decode(known) end
told.connections = told.connections + 1
told.info = ARGV[7]
redis.call('HSET', room, ARGV[6], cjson.encode(told))
redis.call('EXPIRE', room, {_KEPT_S})
if known then return 0 end
tell('join', channel, ARGV[6], ARGV[7], ARGV[8])
return 1
"""
)

# ARGV a new epoch, length and seconds of history, server, 'connection channel', message id
LEAVE: Final = _BEGIN + "return leave(ARGV[4], ARGV[5], ARGV[6])"

# ARGV server, milliseconds of its lease, 1 where it begins
# Gives whether it was known: one that was swept has to say anew who is there.
REFRESH: Final = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('ZSCORE', '{keys.SERVERS}', ARGV[1])
redis.call('ZADD', '{keys.SERVERS}', now + ARGV[2], ARGV[1])
redis.call('EXPIRE', '{keys.SERVERS}', {_KEPT_S})
redis.call('EXPIRE', '{keys.connections("")}' .. ARGV[1], {_KEPT_S})
return known and 1 or 0
"""

# ARGV a new epoch, length and seconds of history, most connections, message id
# Gives how many connections of servers that are gone have ended; call it until that is none.
SWEEP: Final = (
    _BEGIN
    + f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call('ZRANGEBYSCORE', '{keys.SERVERS}', '-inf', now, 'LIMIT', 0, 1)[1]
if not gone then return 0 end
local fields = redis.call('HRANDFIELD', '{keys.connections("")}' .. gone, ARGV[4])
for n, field in ipairs(fields or {{}}) do leave(gone, field, ARGV[5] .. '-' .. n) end
if not fields or #fields == 0 then redis.call('ZREM', '{keys.SERVERS}', gone) end
return 1
"""
)
