"""Where a cookie is locked to HTTPS and to its host, and where browsers would not take it so."""

import httpx
import pytest
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard.cookies import Cookies

HTTPS, HTTP = AnyHttpUrl("https://hub.example/"), AnyHttpUrl("http://hub.example/")


def request_to(url: str, cookies: str = "") -> Request:
    parts = httpx.URL(url)
    headers = [(b"host", parts.netloc), (b"cookie", cookies.encode())]
    server = (parts.host, parts.port or 80)
    scope = {"type": "http", "path": "/", "headers": headers, "query_string": b""}
    return Request({**scope, "method": "GET", "scheme": parts.scheme, "server": server})


@pytest.mark.parametrize(
    ("url", "public", "is_locked"),
    [
        ("https://hub.example/", None, True),
        ("https://hub.example/", HTTPS, True),
        ("http://hub.example/", HTTPS, True),  # a proxy has ended HTTPS and does not say so
        ("http://hub:8080/", HTTPS, True),
        ("http://hub.example/", HTTP, False),
        ("http://hub.example/", None, False),
        ("http://127.0.0.1:8080/", HTTPS, False),
        ("http://127.9.9.9:8080/", HTTPS, False),
        ("http://[::1]:8080/", HTTPS, False),
        ("http://localhost:8080/", HTTPS, False),
        ("http://hub.localhost:8080/", HTTPS, False),
        ("http://localhost.example/", HTTPS, True),
        ("https://127.0.0.1:8443/", None, True),
    ],
)
def test_a_cookie_is_locked_wherever_its_way_is_encrypted(
    url: str, public: AnyHttpUrl | None, is_locked: bool
) -> None:
    cookies, response = Cookies(public), Response()
    cookies.put(request_to(url), response, "name", "value", 60)
    said = response.headers["set-cookie"]
    wanted = "__Host-name=value; HttpOnly; Max-Age=60; Path=/; SameSite=lax; Secure"
    assert said == (
        wanted if is_locked else wanted.removeprefix("__Host-").removesuffix("; Secure")
    )
    assert cookies.read(request_to(url, said.partition(";")[0]), "name") == "value"


def test_what_a_neighbouring_host_could_set_is_not_read_where_cookies_are_locked() -> None:
    request = request_to("https://hub.example/", "name=foreign")
    assert Cookies().read(request, "name") == ""


def test_a_cookie_is_forgotten_by_the_name_that_it_has() -> None:
    for url, name in (("https://hub.example/", "__Host-name"), ("http://hub.example/", "name")):
        response = Response()
        Cookies().drop(request_to(url), response, "name")
        assert response.headers["set-cookie"].startswith(f'{name}=""; HttpOnly; Max-Age=0; Path=/')
