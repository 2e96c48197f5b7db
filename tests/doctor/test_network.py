"""The doctor and what is around: ports, destinations, files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.doctor import Limits
from hub.model.json import dumps_text
from hub.settings import Settings, load_settings
from hub.store.ledger import Ledger
from hub.store.objects import PUT, PutObject
from tests.doctor.examined import found
from tests.identity import CLIENT, identity_provider
from tests.outbound.certificates import authority
from tests.program import LOOPBACK, embedded_hub, free_port
from tests.sink import Answer, open_sink


@pytest.fixture
def database_url() -> None:
    """Where destinations lead is the same on both databases."""


@pytest.fixture
def settings(tmp_path: Path, ledger: Ledger) -> Settings:
    """Those of a hub that may go to private addresses where a destination says so."""
    return load_settings(data=tmp_path)


async def put(ledger: Ledger, slug: str, **given: Any) -> None:
    """A destination."""
    body = {"connector": "standard", "allow_private": True, **given}
    await ledger.write(PUT, PutObject("destination", slug, dumps_text(body)))


async def test_a_port_that_is_free(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, port=free_port())
    assert (await found(settings, "port"))["port"].startswith("Nothing listens")
    anywhere = load_settings(data=tmp_path, host="0.0.0.0", port=0)  # noqa: S104 - is not opened
    assert list(await found(anywhere, "port")) == ["port"]


@pytest.mark.parametrize("body", ['{"status": "fine"}', "[]", "<html>", '{"troubles": 5}', ""])
async def test_a_port_that_another_program_has(tmp_path: Path, body: str) -> None:
    async with open_sink() as sink:
        sink.answer = lambda n, request: Answer(200, body)
        port = int(sink.url.partition("127.0.0.1:")[2].partition("/")[0])
        settings = load_settings(data=tmp_path, host="0.0.0.0", port=port)  # noqa: S104 - as above
        told = await found(settings, "port")
    assert told["port_taken"].endswith("is no hub.")


async def test_a_port_whose_program_speaks_something_else(tmp_path: Path) -> None:
    async with speaking(b"220 mail.example ESMTP\r\n") as port:
        settings = load_settings(data=tmp_path, port=port)
        assert list(await found(settings, "port")) == ["port_taken"]


async def test_an_identity_provider_is_asked_where_one_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(data=tmp_path)
    assert await found(settings, "provider") == {"provider": "No identity provider is set."}
    async with identity_provider("http://127.0.0.1:8080/login/oidc/callback") as provider:
        given: dict[str, Any] = {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_roles": "staff=admin",
            "public_url": "https://hub.example",
        }
        own = load_settings(data=tmp_path, oidc_allow_private=True, **given)
        assert "can be asked" in (await found(own, "provider"))["provider"]
        provider.said = {"issuer": "https://other.example"}
        told = (await found(own, "provider"))["provider_unavailable"]
        assert "set HUB_OIDC_ISSUER to that" in told
        provider.is_down = True
        assert "503" in (await found(own, "provider"))["provider_unavailable"]
        refused = load_settings(data=tmp_path, **given)
        assert "127.0.0.1" in (await found(refused, "provider"))["provider_unavailable"]


async def test_a_hub_that_is_well_and_one_that_is_not(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path / "well") as well:
        told = await found(settings_of(tmp_path / "well", well.base), "port")
        assert told == {"port": f"The hub answers at {well.base}."}
    lost = f"redis://127.0.0.1:{free_port()}/0"
    async with embedded_hub(tmp_path / "ill", redis_url=lost) as ill:
        told = await found(settings_of(tmp_path / "ill", ill.base), "port")
        assert "redis: It does not answer" in told["hub_not_ready"]


def settings_of(data: Path, base: str) -> Settings:
    """Those of a hub that runs."""
    data.mkdir(exist_ok=True)
    return load_settings(data=data, port=int(base.rpartition(":")[2]))


async def test_destinations_that_take_connections(settings: Settings, ledger: Ledger) -> None:
    assert await found(settings, "reach") == {"reach": "No destination is active."}
    async with open_sink() as sink:
        for n in range(3):
            await put(ledger, f"sink-{n}", url=sink.url)
        await put(ledger, "asleep", url="http://127.0.0.1:1/", state="paused")
        assert await found(settings, "reach") == {"reach": "3 of 3 take connections."}
        few = await found(settings, "reach", Limits(destinations=2))
        assert few == {"reach": "2 of 2 take connections; 1 more were not tried."}
        assert sink.requests == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:{port}/", "No connection could be made"),
        ("http://169.254.169.254/", "is not public (link-local)"),
        ("http://no-such-name.invalid/", "could not be looked up"),
        ("https://127.0.0.1:{port}/", "No connection could be made"),
    ],
)
async def test_a_destination_that_cannot_be_reached(
    settings: Settings, ledger: Ledger, url: str, said: str
) -> None:
    await put(ledger, "till", url=url.format(port=free_port()))
    told = await found(settings, "reach")
    assert told["destination_unreachable"].startswith("till: ")
    assert said in told["destination_unreachable"]
    assert told["reach"] == "0 of 1 take connections."


async def test_a_private_address_is_reached_only_where_it_may_be(
    settings: Settings, ledger: Ledger
) -> None:
    async with open_sink() as sink:
        await put(ledger, "till", url=sink.url, allow_private=False)
        told = await found(settings, "reach")
        assert "allow_private" in told["destination_unreachable"]
        opened = load_settings(data=settings.data, outbound_allow=LOOPBACK)
        assert list(await found(opened, "reach")) == ["reach"]


async def test_one_that_never_answers_is_not_waited_for(settings: Settings, ledger: Ledger) -> None:
    async with speaking(b"") as port:  # TLS is never begun there
        await put(ledger, "till", url=f"https://127.0.0.1:{port}/")
        told = await found(settings, "reach", Limits(reach_s=0.2))
    assert "within 0.2 s" in told["destination_unreachable"]


@pytest_asyncio.fixture
async def secured(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a server whose certificate ends tomorrow."""
    context = authority().context(tmp_path)
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_certificates(settings: Settings, ledger: Ledger, secured: int) -> None:
    url = f"https://127.0.0.1:{secured}/"
    await put(ledger, "foreign", url=url)
    await put(ledger, "ours", url=url, tls={"ca": authority().certificate})
    told = await found(settings, "reach")
    assert told["certificate_refused"].startswith("foreign: TLS could not be agreed on")
    assert told["certificate_ends"].startswith("ours: it ends at 20")
    later = await found(settings, "reach", Limits(certificate_s=60.0))
    assert list(later) == ["certificate_refused", "reach"]


async def test_behind_a_proxy_nothing_is_reached_for(settings: Settings, ledger: Ledger) -> None:
    await put(ledger, "till", url="http://127.0.0.1:1/")
    proxied = load_settings(data=settings.data, outbound_proxy="http://proxy.example:3128")
    assert await found(proxied, "reach") == {"destinations_proxied": "1 destinations."}


async def test_files(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    assert str(tmp_path / "files") in (await found(settings, "files"))["files"]
    assert [each for each in (tmp_path / "files").rglob("*") if each.is_file()] == []
    none = load_settings(data=tmp_path / "none")
    assert list(await found(none, "files")) == ["files"]
    assert not (tmp_path / "none").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "files").write_text("in the way")
    told = await found(load_settings(data=tmp_path / "other"), "files")
    assert "HUB_FILES_URL" in told["files_unwritable"]


async def test_a_bucket_that_takes_nothing(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, files_url="gs://b/\x00")
    assert list(await found(settings, "files")) == ["files_unwritable"]


@asynccontextmanager
async def speaking(first: bytes) -> AsyncIterator[int]:
    """The port of a server that says this, and nothing more."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await done.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        done.set()
