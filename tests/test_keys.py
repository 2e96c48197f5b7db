"""Secrets at rest, from the command line: a key is set, replaced, and forgotten at one's peril."""

from pathlib import Path

import pytest

from hub.errors import StoreError
from hub.store.ledger import SQLITE_FILE
from tests.program import Driven, Program, embedded_hub

OLD, NEW = "6f5e4d3c" * 8, "6e5d4c3b" * 8
PASSWORD = "s3cret-password"
TILL = {
    "url": "https://till.example/",
    "auth": {"mode": "basic", "user": "a", "password": PASSWORD},
}


async def reencrypt(data: Path, keys: str | None) -> tuple[int, str]:
    """``hub secret reencrypt``: its exit code, and all that it says."""
    log = data / "said.txt"
    log.unlink(missing_ok=True)
    program = Program(["secret", "reencrypt"], {"HUB_DATA": str(data), "HUB_SECRET_KEY": keys}, log)
    await program.start()
    assert program.process is not None
    return await program.process.wait(), program.said()


def on_disk(data: Path) -> bytes:
    """Everything in the database's files."""
    return b"".join(each.read_bytes() for each in sorted(data.glob(f"{SQLITE_FILE}*")))


async def password_of(hub: Driven) -> str:
    """As deliveries would use it."""
    assert hub.hub is not None
    auth = hub.hub.catalog.now.destinations["till"].auth
    return str(getattr(auth, "password", None))


async def test_a_key_is_set_and_replaced_without_losing_a_secret(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        await hub.put("/v1/destinations/till", TILL)
    assert PASSWORD.encode() in on_disk(tmp_path)
    async with embedded_hub(tmp_path, secret_key=OLD) as hub:
        assert await password_of(hub) == PASSWORD
    assert await reencrypt(tmp_path, OLD) == (
        0,
        "4 objects were encrypted anew. Older keys are not needed any more.\n",
    )
    with pytest.raises(StoreError, match="of the destination 'till'"):
        async with embedded_hub(tmp_path, secret_key=NEW):
            pass
    assert (await reencrypt(tmp_path, NEW))[0] == 2
    assert (await reencrypt(tmp_path, f"{NEW},{OLD}"))[0] == 0
    async with embedded_hub(tmp_path, secret_key=NEW) as hub:
        assert await password_of(hub) == PASSWORD
        assert PASSWORD not in str(await hub.get("/v1/destinations/till"))


async def test_with_a_key_from_the_beginning_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path, secret_key=NEW) as hub:
        await hub.put("/v1/destinations/till", TILL)
        await hub.put("/v1/variables/HIDDEN", {"value": "s3cret-value", "secret": True})
        told = await hub.put("/v1/sources/shop", {"verify": {"mode": "standard"}})
        (secret,) = told["verify"]["secrets"]
        found = on_disk(tmp_path)
        assert b"till.example" in found
        for each in (PASSWORD, "s3cret-value", secret):
            assert each.encode() not in found


async def test_without_a_key_there_is_nothing_to_encrypt_with(tmp_path: Path) -> None:
    code, said = await reencrypt(tmp_path, None)
    assert (code, said) == (2, "hub: There is no key to encrypt with: set HUB_SECRET_KEY.\n")
