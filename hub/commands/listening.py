"""``hub listen``: events as they come in, shown live and, where wanted, passed on to an address."""

import asyncio
import sys
from collections import deque
from typing import Any

from hub.bootstrap import current_ledger
from hub.errors import OutboundError
from hub.model.event import Recorded
from hub.model.http import Headers, OutboundRequest
from hub.model.ids import first_id
from hub.model.json import dumps_text, loads
from hub.model.time import now_us, to_iso
from hub.outbound.client import Client
from hub.outbound.guard import SET_BY_HUB, AddressPolicy
from hub.settings import Settings
from hub.store.events import events_since
from hub.store.ledger import Ledger

_LOOK_S = 0.25
_LATE_US = 10_000_000
"""Of several servers one may commit so long after an event of another with a later id."""
_TIMEOUT_S = 30.0
_REMEMBERED = 50_000


async def listen(
    settings: Settings, source: str | None, forward: str | None, *, as_json: bool
) -> None:
    """Show events from now on until the program is stopped.

    ``source`` shows those of one source alone. ``forward`` is an address that gets each event
    that was taken: its method, its bytes, its header fields without what was masked.

    Raises:
        StoreError: the ledger cannot be read.
    """
    policy = AddressPolicy(allow=settings.outbound_allow, own_ports=frozenset({settings.port}))
    async with current_ledger(settings) as ledger, Client(policy, connections=4) as client:
        seen = _Seen()
        seen.new([row["id"] for row in await _rows(ledger, source)])  # what is not new
        sys.stderr.write("Listening. Stop it with Ctrl-C.\n")
        while True:
            for row in await _rows(ledger, source):
                if seen.new([row["id"]]):
                    await _tell(client, row, forward, as_json=as_json)
            await asyncio.sleep(_LOOK_S)


class _Seen:
    """Which events were shown; the oldest are forgotten, long after they can come again."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._order: deque[str] = deque()

    def new(self, ids: list[str]) -> list[str]:
        """Those that were not seen before."""
        fresh = [each for each in ids if each not in self._ids]
        self._ids.update(fresh)
        self._order.extend(fresh)
        while len(self._order) > _REMEMBERED:
            self._ids.discard(self._order.popleft())
        return fresh


async def _rows(ledger: Ledger, source: str | None) -> list[dict[str, Any]]:
    after = first_id("evt", now_us() - _LATE_US)
    rows = await ledger.read(events_since, after)
    return [row for row in rows if source is None or row["source"] == source]


async def _tell(client: Client, row: dict[str, Any], forward: str | None, *, as_json: bool) -> None:
    said = None
    if forward is not None and row["fate"] in (Recorded.RECORDED, Recorded.UNMATCHED):
        said = await _passed_on(client, row, forward)
    if as_json:
        shown = {name: row[name] for name in ("id", "source", "type", "fate", "reason", "method")}
        shown |= {"received_at": to_iso(row["received_at"]), "forwarded": said}
        shown["body"] = bytes(row["body"]).decode("utf-8", "replace")
        sys.stdout.write(dumps_text(shown) + "\n")
    else:
        sys.stdout.write(_line(row) + (f"  → {said}" if said else "") + "\n")
    sys.stdout.flush()


def _line(row: dict[str, Any]) -> str:
    kind, size = row["type"] or "-", len(row["body"])
    line = f"{to_iso(row['received_at'])[11:23]}  {row['source']:<16} {row['fate']:<10} {kind}"
    line += f"  {size:,} bytes  {row['id']}"
    return f"{line}  {row['reason']}" if row["reason"] else line


async def _passed_on(client: Client, row: dict[str, Any], forward: str) -> str:
    fields = Headers(
        (name, value)
        for name, value in loads(row["headers"])
        if name.lower() not in SET_BY_HUB and value.isascii() and value.isprintable()
    )
    query = f"?{row['query']}" if row["query"] and "?" not in forward else ""
    sent = OutboundRequest(row["method"], forward + query, fields.pairs, bytes(row["body"]))
    try:
        answer = await client.send(sent, timeout_s=_TIMEOUT_S, allow_private=True)
    except OutboundError as error:
        return error.message
    return f"{answer.status} in {answer.duration_ms} ms"
