"""What holds for every connector, whoever wrote it."""

import ast
import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import connectors
from hub.connector import Connector, Outcome, Parsed, Verdict
from hub.errors import InvalidError
from hub.model.http import Headers, InboundRequest, OutboundResponse
from hub.model.json import dumps

OF_THE_HUB = re.compile(r"hub\.(connector|signature|errors|model\.\w+)")
REACHES_OUT = {
    "asyncio", "ctypes", "ftplib", "http", "io", "logging", "multiprocessing", "os", "pathlib",
    "random", "secrets", "shutil", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib",
}  # fmt: skip
ANY_TEXT = st.text(st.characters())  # lone surrogates too
JSONISH = st.recursive(
    st.sampled_from([b"null", b"1e999", b"-0", b'"\\ud800"', b'"\\u0000"', b"9" * 30, b"NaN", b""])
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]")
        | inner.map(lambda value: b'{"event":' + value + b',"type":' + value + b"}")
    ),
    max_leaves=8,
)
BODIES = (
    st.binary()
    | JSONISH
    | st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
    | st.integers(1, 3000).map(lambda depth: b'{"event":' * depth)
    | st.just(b"\xff\xfe{\x00}\x00")
    | st.just(b"\xef\xbb\xbf{}")
    | st.just(b"1" * 5000)
)
TYPES = st.sampled_from(["application/json", "text/html", "a/b+json", "", ";", "TEXT/HTML; x"])
FIELDS = st.lists(
    st.tuples(st.just("content-type"), TYPES | ANY_TEXT)
    | st.tuples(st.just("retry-after"), st.sampled_from(["1", "-1", "NaN", "9" * 40, "²"]))
    | st.tuples(ANY_TEXT, ANY_TEXT),
    max_size=3,
).map(Headers)
REQUESTS = st.builds(
    InboundRequest,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "get", "WEIRD"]),
    rest=ANY_TEXT,
    query=ANY_TEXT | st.just("a=1&" * 2000) | st.just("%ff=%00&[]=1&a[]=&a=2&;;"),
    headers=FIELDS,
    body=BODIES,
    ip=st.just("192.0.2.1"),
)
ANSWERS = st.builds(
    OutboundResponse,
    status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 410, 413, 422, 429, 500, 502, 504])
    | st.integers(100, 999),
    headers=FIELDS,
    body=BODIES | BODIES.map(lambda body: b'{"message":' + body + b',"hint":"\\u0000"}'),
    truncated=st.booleans(),
    duration_ms=st.just(1),
)


def load(entry: EntryPoint) -> Connector:
    connector = entry.load()
    assert isinstance(connector, Connector)
    return connector


def parsed_or_code(connector: Connector, request: InboundRequest) -> Parsed | str:
    try:
        return connector.parse(request)
    except InvalidError as error:
        error.message.encode()  # can be shown
        return error.code


def test_every_folder_of_connectors_is_offered_as_an_entry_point() -> None:
    folders = {file.parent.name for file in Path(connectors.__path__[0]).glob("*/connector.py")}

    assert folders <= {entry.name for entry in entry_points(group="hub.connectors")}


def test_a_connector_is_named_as_it_is_offered_and_says_its_limit(entry: EntryPoint) -> None:
    connector = load(entry)
    limit = connector.limit_bytes()

    assert connector.name == entry.name
    assert re.fullmatch(r"[a-z0-9-]+", connector.name)
    assert limit is None or limit > 0


def test_a_connector_comes_with_a_readme_that_gives_the_url_to_paste(folder: Path) -> None:
    assert "https://YOUR-HUB/in/YOUR-SOURCE" in (folder / "README.md").read_text("utf-8")


@given(request=REQUESTS)
@settings(deadline=None)
def test_a_hostile_request_is_read_or_refused_and_twice_the_same(
    entry: EntryPoint, request: InboundRequest
) -> None:
    connector = load(entry)

    first = parsed_or_code(connector, request)

    assert parsed_or_code(connector, request) == first
    if isinstance(first, Parsed):
        dumps(first.value)
        assert first.event_type is None or first.event_type.isprintable()


@given(response=ANSWERS)
@settings(deadline=None)
def test_any_answer_gets_a_verdict_and_twice_the_same(
    entry: EntryPoint, response: OutboundResponse
) -> None:
    connector = load(entry)

    verdict = connector.classify(response)

    assert isinstance(verdict, Verdict)
    assert connector.classify(response) == verdict
    assert verdict.message.isprintable()
    assert 0 < len(verdict.message) < 1000
    assert verdict.retry_after_s is None or 0 <= verdict.retry_after_s < 1e9


@given(response=ANSWERS)
@settings(deadline=None)
def test_only_a_2xx_is_ever_called_delivered(entry: EntryPoint, response: OutboundResponse) -> None:
    verdict = load(entry).classify(response)

    assert verdict.outcome is not Outcome.DELIVERED or 200 <= response.status < 300


@given(payload=BODIES)
@settings(deadline=None)
def test_header_fields_are_fit_to_be_sent_and_twice_the_same(
    entry: EntryPoint, payload: bytes
) -> None:
    connector = load(entry)

    fields = connector.headers(payload)

    assert connector.headers(payload) == fields
    for name, value in fields:
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert value.isascii()
        assert value.isprintable()


def test_a_connector_imports_only_what_it_may(entry: EntryPoint, folder: Path) -> None:
    own = entry.module.rpartition(".")[0]
    for file in folder.rglob("*.py"):
        for module in imports_of(file):
            top = module.partition(".")[0]
            pure = top in sys.stdlib_module_names - REACHES_OUT or module == "urllib.parse"
            assert pure or OF_THE_HUB.fullmatch(module) or within(own, module), (file, module)


def within(package: str, module: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def imports_of(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports stand with their full name"
            found.append(str(node.module))
    return found
