"""TLS to PostgreSQL: what is said in the URL is what is asked of the server."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from hub.errors import HubError, SettingsError, StoreError
from hub.store.ledger import open_ledger
from hub.store.migrate import is_current, migrate
from hub.store.objects import revision
from hub.store.tls import way_to
from tests.databases import Postgres
from tests.outbound.certificates import authority
from tests.tls import tls_before


@asynccontextmanager
async def tls_postgres(
    postgres: Postgres, folder: Path, *, asks_client: bool = False
) -> AsyncIterator[tuple[str, Path]]:
    """A URL with ``{}`` for the host, and the file of the authority that vouches for it."""
    file = folder / "authority.pem"
    file.write_text(authority().certificate)
    with postgres.database(empty=True) as url:
        plain = make_url(url)
        socket = f"{plain.query['host']}/.s.PGSQL.5432"
        context = authority().context(folder, asks_client=asks_client)
        async with tls_before(socket, context, asked=True) as port:
            yield f"postgresql+asyncpg://postgres@{{}}:{port}/{plain.database}", file


async def opens(url: str, data: Path) -> None:
    """Migrate, look, and open a ledger there; all by TLS."""
    await migrate(url, data)
    assert await is_current(url, data)
    ledger = await open_ledger(url, data)
    try:
        await ledger.read(revision)
    finally:
        await ledger.close()


async def test_a_certificate_is_looked_at_as_the_mode_says(
    postgres: Postgres, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(authority("theirs").certificate)
    async with tls_postgres(postgres, tmp_path) as (url, file):
        here, named = url.format("127.0.0.1"), url.format("localhost")
        for good in (
            f"{here}?sslmode=verify-full&sslrootcert={file}",
            f"{here}?sslrootcert={file}",
            f"{named}?sslmode=verify-ca&sslrootcert={file}",
            f"{named}?sslmode=require&sslrootcert={file}",
            f"{named}?sslmode=require",
            f"{named}?ssl=require",
        ):
            await opens(good, tmp_path)
        for bad in (
            f"{named}?sslmode=verify-full&sslrootcert={file}",  # it is for 127.0.0.1
            f"{named}?sslrootcert={file}",
            f"{here}?sslmode=verify-full&sslrootcert={other}",
            f"{here}?sslmode=require&sslrootcert={other}",
            f"{here}?sslmode=verify-full",  # nobody whom this machine trusts
            f"{here}?sslmode=verify-full&sslrootcert=system",
            f"{here}?sslmode=disable",
        ):
            with pytest.raises(StoreError):
                await opens(bad, tmp_path)


async def test_the_hub_shows_a_certificate_of_its_own_where_one_is_asked_for(
    postgres: Postgres, tmp_path: Path
) -> None:
    own, key = tmp_path / "own.pem", tmp_path / "own.key"
    own.write_text(authority().client.certificate)
    key.write_text(authority().client.key)
    async with tls_postgres(postgres, tmp_path, asks_client=True) as (url, file):
        asked = f"{url.format('127.0.0.1')}?sslrootcert={file}"
        await opens(f"{asked}&sslcert={own}&sslkey={key}", tmp_path)
        with pytest.raises(StoreError):
            await opens(asked, tmp_path)


def test_a_url_without_a_word_of_tls_is_left_alone() -> None:
    url, tls = way_to("postgresql+asyncpg://hub:p@/hub?host=/run/pg")
    assert tls == {}
    assert url.query == {"host": "/run/pg"}
    url, tls = way_to("postgresql+asyncpg://hub:p@/hub?host=/run/pg&sslmode=prefer")
    assert tls == {"ssl": "prefer"}
    assert url.query == {"host": "/run/pg"}


@pytest.mark.parametrize("query", ["sslmode=always", "sslmode=verify_full", "ssl=true"])
def test_a_mode_that_there_is_not_is_refused(query: str) -> None:
    with pytest.raises(SettingsError, match=r"HUB_DATABASE_URL: there is no sslmode"):
        way_to(f"postgresql+asyncpg://db/hub?{query}")


@pytest.mark.parametrize("query", ["sslrootcert={}", "sslmode=require&sslcert={}&sslkey={}"])
def test_a_file_that_is_no_certificate_is_refused(query: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    for name in (broken, tmp_path / "nowhere.pem"):
        broken.write_text("This is no certificate.")
        with pytest.raises(HubError, match=r"HUB_DATABASE_URL: .* cannot be used"):
            way_to(f"postgresql+asyncpg://db/hub?{query.format(name, name)}")


def test_what_is_asked_of_the_certificate() -> None:
    asked = {
        mode: way_to(f"postgresql+asyncpg://db/hub?sslmode={mode}")[1]["ssl"]
        for mode in ("require", "verify-ca", "verify-full")
    }
    assert {mode: (each.verify_mode, each.check_hostname) for mode, each in asked.items()} == {
        "require": (ssl.CERT_NONE, False),
        "verify-ca": (ssl.CERT_REQUIRED, False),
        "verify-full": (ssl.CERT_REQUIRED, True),
    }
