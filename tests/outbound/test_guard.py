"""Which addresses, URLs and header fields are let through. The corpus is ``addresses.json``."""

import json
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.guard import AddressPolicy, check_request, check_url

CORPUS: dict[str, Any] = json.loads((Path(__file__).parent / "addresses.json").read_text())
ADDRESSES = CORPUS["addresses"]
URLS = CORPUS["urls"]
STRICT = AddressPolicy()


@pytest.mark.parametrize("address", ADDRESSES["public"])
def test_a_public_address_is_let_through(address: str) -> None:
    assert STRICT.refusal(address, 443, allow_private=False) is None
    assert STRICT.refusal(address, 443, allow_private=True) is None


@pytest.mark.parametrize("address", ADDRESSES["private"])
def test_a_private_address_needs_allow_private_and_the_refusal_says_so(address: str) -> None:
    assert "allow_private" in str(STRICT.refusal(address, 443, allow_private=False))
    assert STRICT.refusal(address, 443, allow_private=True) is None


@pytest.mark.parametrize("address", ADDRESSES["never"])
def test_allow_private_never_opens_what_is_more_than_private(address: str) -> None:
    assert STRICT.refusal(address, 443, allow_private=False)
    reason = STRICT.refusal(address, 443, allow_private=True)
    assert reason
    assert "allow_private" not in reason


def test_the_corpus_is_large() -> None:
    assert sum(len(group) for group in ADDRESSES.values()) >= 80
    assert sum(len(group) for group in URLS.values()) >= 80


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("127.0.0.0/8", "127.0.0.1", "10.0.0.1"),
        ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.0/8", "127.0.0.1", "::ffff:127.0.0.1"),
        ("127.0.0.0/8", "127.0.0.1", "64:ff9b::127.0.0.1"),
        ("0.0.0.0/0", "10.1.2.3", "::1"),
        ("::1/128", "::1", "127.0.0.1"),
        ("169.254.0.0/16", "169.254.1.1", "fe80::1"),
        ("fe80::/10", "fe80::1", "fe80::1%eth0"),
        ("fd00::/8", "fd00:ec2::254", "fc00::1"),
        ("64:ff9b::/96", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1"),
        ("::ffff:0:0/96", "::ffff:8.8.8.8", "::ffff:127.0.0.1"),
    ],
)
def test_the_allow_list_opens_exactly_what_it_lists(
    network: str, inside: str, outside: str
) -> None:
    policy = AddressPolicy(allow=(ip_network(network),))
    assert policy.refusal(inside, 80, allow_private=False) is None
    assert policy.refusal(outside, 80, allow_private=False)


def test_a_carried_address_needs_both_its_form_and_itself_allowed() -> None:
    policy = AddressPolicy(allow=(ip_network("64:ff9b::/96"), ip_network("10.0.0.0/8")))
    assert policy.refusal("64:ff9b::10.0.0.1", 80, allow_private=False) is None
    assert policy.refusal("64:ff9b::192.168.0.1", 80, allow_private=False)
    assert policy.refusal("64:ff9b::192.168.0.1", 80, allow_private=True) is None


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "::1", "::", "::ffff:127.0.0.1"),
        "0.0.0.0",  # noqa: S104 - nothing is bound, it is an address to be refused
    ],
)
def test_nothing_opens_the_hubs_own_ports_on_this_machine(address: str) -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    policy = AddressPolicy(allow=everything, own_ports=frozenset({8000, 8001}))
    assert "the hub itself" in str(policy.refusal(address, 8000, allow_private=True))
    assert "the hub itself" in str(policy.refusal(address, 8001, allow_private=True))
    assert policy.refusal(address, 8002, allow_private=True) is None


def test_the_hubs_port_numbers_are_free_elsewhere() -> None:
    policy = AddressPolicy(own_ports=frozenset({8000}))
    assert policy.refusal("8.8.8.8", 8000, allow_private=False) is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_let_through_is_a_global_one(address: Any) -> None:
    if STRICT.refusal(str(address), 80, allow_private=False) is None:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_let_through_is_a_global_one(address: Any) -> None:
    if STRICT.refusal(str(address), 80, allow_private=False) is None:
        assert address.is_global
        assert not address.is_multicast
        assert address.sixtofour is None
        assert address.teredo is None
        assert address.ipv4_mapped is None


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "2a00::5efe:{}"]))
def test_no_ipv4_address_gets_through_inside_another(address: Any, form: str) -> None:
    if int(address) > 1:  # :: and ::1 are themselves
        carried = str(ip_address(form.format(address)))
        assert STRICT.refusal(carried, 80, allow_private=True)


@given(st.text(max_size=40), st.booleans())
def test_no_text_makes_the_guard_fail(text: str, allow_private: bool) -> None:
    STRICT.refusal(text, 80, allow_private)


@pytest.mark.parametrize("url", URLS["sendable"] + URLS["refused"])
def test_a_well_formed_url_passes(url: str) -> None:
    assert check_url(url).host


@pytest.mark.parametrize("url", [*URLS["url_invalid"], "http://example.com/" + "a" * 8192])
def test_an_ambiguous_or_unusable_url_is_invalid(url: str) -> None:
    with pytest.raises(OutboundError) as caught:
        check_url(url)
    assert caught.value.code == "url_invalid"
    assert caught.value.details == {"may_have_run": False}


@given(st.text(max_size=60).map(lambda rest: "http://" + rest))
def test_a_url_either_passes_or_is_called_invalid(url: str) -> None:
    code = None
    try:
        check_url(url)
    except OutboundError as error:
        code = error.code
    assert code in (None, "url_invalid")


def test_a_url_of_the_longest_length_passes() -> None:
    check_url("http://example.com/".ljust(8192, "a"))


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive"),
        *("TE", "Trailer", "Upgrade", "Proxy-Connection", "Proxy-Authorization", "Expect"),
        *("Accept-Encoding", "HTTP2-Settings", "", "a b", "a:b", "a\r\nb", "ä", "a\0"),
    ],
)
def test_a_field_that_is_the_hubs_or_no_name_is_refused(name: str) -> None:
    request = OutboundRequest("POST", "http://example.com/", ((name, "x"),), b"")
    with pytest.raises(OutboundError) as caught:
        check_request(request)
    assert caught.value.code == "request_invalid"


@pytest.mark.parametrize(
    "value", ["a\r\nHost: b", "a\nb", "a\rb", "a\0b", "\x1b[0m", "\x7f", "é", "x\n"]
)
def test_a_field_value_of_more_than_one_line_of_ascii_is_refused(value: str) -> None:
    request = OutboundRequest("POST", "http://example.com/", (("x-note", value),), b"")
    with pytest.raises(OutboundError, match="x-note") as caught:
        check_request(request)
    assert caught.value.code == "request_invalid"
    assert value not in caught.value.message  # values may be secrets


@pytest.mark.parametrize("method", ["", "post", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX: y\r\n"])
def test_only_known_methods_are_sent(method: str) -> None:
    with pytest.raises(OutboundError) as caught:
        check_request(OutboundRequest(method, "http://example.com/", (), b""))
    assert caught.value.code == "request_invalid"


def test_ordinary_fields_pass() -> None:
    fields = (("Authorization", "Bearer x y"), ("content-type", "a/b; c=d"), ("X-Tab", "a\tb"))
    check_request(OutboundRequest("PATCH", "http://example.com/", fields, b"{}"))
