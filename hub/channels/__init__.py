"""Live messages with history, in Redis streams.

A script gives each message a position that only ever grows and writes it to its channel's stream
(the history) and to the feed, which each server process follows with one reader.
"""

from hub.channels.channels import Channels

__all__ = ["Channels"]
