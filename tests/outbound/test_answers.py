"""Each spelling of an address has its exact answer, before a connection. See ``answers.json``."""

import json
from pathlib import Path

import pytest

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy, check_url
from tests.outbound.servers import Lookup

ANSWERS = json.loads((Path(__file__).parent / "answers.json").read_text("utf-8"))
HUB_PORT = 8000


async def test_each_spelling_has_its_answer() -> None:
    """The hub listens on 8000; all names lead to 10.0.0.7."""
    policy = AddressPolicy(own_ports=frozenset({HUB_PORT}))
    found = []
    async with Client(policy, lookup=Lookup(["10.0.0.7"])) as client:
        for url, _, _ in ANSWERS:
            with pytest.raises(OutboundError) as caught:
                await client.send(OutboundRequest("GET", url, (), b""), timeout_s=2)
            assert caught.value.details == {"may_have_run": False}
            found.append([url, caught.value.code, caught.value.message])
    assert found == ANSWERS


def test_the_answers_are_many_and_no_spelling_is_there_twice() -> None:
    urls = [url for url, _, _ in ANSWERS]
    assert len(urls) == len(set(urls)) >= 150


@pytest.mark.parametrize("port", ["+80", "-80", "8_0", "0x50", " 80", "80 ", "8e1", "\uff18\uff10"])
@pytest.mark.parametrize("host", ["example.com", "93.184.216.34", "[2606:4700::1]"])
def test_a_port_is_written_in_plain_digits(host: str, port: str) -> None:
    with pytest.raises(OutboundError) as caught:
        check_url(f"http://{host}:{port}/")
    assert caught.value.code == "url_invalid"


@pytest.mark.parametrize("sign", [*";,|*{}!$&'()+=~^`\"<>"])
def test_a_host_holds_only_what_names_hold(sign: str) -> None:
    for host in (f"127.0.0.1{sign}example.com", f"example.com{sign}127.0.0.1", sign):
        with pytest.raises(OutboundError) as caught:
            check_url(f"http://{host}/")
        assert caught.value.code == "url_invalid"
