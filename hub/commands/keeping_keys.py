"""``hub key``: who may use the API, from the command line, straight from the ledger."""

import re
import sys
from typing import Any

from hub.bootstrap import current_ledger
from hub.errors import NotFoundError
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.key import hash_of, new_key, prefix_of
from hub.printing import print_table
from hub.settings import Settings
from hub.store.keys import DROP, PUT, NewKey, shown_key
from hub.store.lookup import one, where
from hub.store.schema import keys
from hub.web.api.body import validated
from hub.web.api.keys import WantedKey, expiry_of

_COLUMNS = ("id", "name", "prefix", "scopes", "expires_at", "last_used_at")


async def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Print every key: nothing of itself but its beginning."""
    async with current_ledger(settings) as ledger:
        shown = [shown_key(row) for row in await ledger.read(where, keys)]
    if as_json:
        sys.stdout.write("".join(f"{dumps_text(each)}\n" for each in shown))
        return
    print_table(_COLUMNS, [[_cell(each[name]) for name in _COLUMNS] for each in shown])


async def make_key(
    settings: Settings, name: str, scopes: list[str], expires_at: str | None, *, as_json: bool
) -> None:
    """Make a key and print it, this once.

    Raises:
        InvalidError: ``validation``.
    """
    wish = validated(WantedKey, {"name": name, "scopes": scopes, "expires_at": expires_at})
    text, ends = new_key(), expiry_of(wish.expires_at)
    made = NewKey(
        new_id("key"),
        wish.name,
        prefix_of(text),
        hash_of(text),
        tuple(sorted({*wish.scopes})),
        ends,
    )
    async with current_ledger(settings) as ledger:
        await ledger.write(PUT, made)
        row = await ledger.read(one, keys, id=made.id)
    if as_json:
        sys.stdout.write(f"{dumps_text({**shown_key(row or {}), 'key': text})}\n")
        return
    sys.stdout.write(f"{text}\nIt is not shown again: keep it. Its id is {made.id}.\n")


async def revoke_key(settings: Settings, key_id: str, *, as_json: bool) -> None:
    """Revoke a key; a running hub knows it no longer after five seconds.

    Raises:
        NotFoundError: ``key_unknown``.
        ConflictError: ``last_admin_key``.
    """
    async with current_ledger(settings) as ledger:
        known = re.fullmatch(r"key_[0-9a-f]{32}", key_id) is not None
        if not known or not await ledger.write(DROP, key_id):
            raise NotFoundError(
                f"There is no key {key_id[:200]!r}: `hub key list` names them.", code="key_unknown"
            )
    told = dumps_text({"id": key_id, "revoked": True}) if as_json else f"{key_id} is revoked."
    sys.stdout.write(f"{told}\n")


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "-")
