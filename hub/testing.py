"""The conformance kit: what holds for every connector, whoever wrote it.

A package that offers a connector tests it so (pytest and hypothesis come with the extra
``webhook-hub[testing]``)::

    from hub.testing import ConnectorTests
    from my_tool.connector import CONNECTOR

    class TestMyTool(ConnectorTests):
        connector = CONNECTOR

Beside the connector's module stand its ``README.md`` and its ``samples/*.json``. A file of samples
holds one case or a list of them. A case with ``response`` is an answer and names its ``outcome``
(and what the message ``says``, and ``retry_after_s``). A case with only ``request`` was sent to
the hub and names its ``event_type`` (and its ``message_id``, its ``value``, the ``challenge`` that
it is answered with, how to ``verify`` it), or the code with which it is ``refused``.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

try:
    import pytest
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}: the conformance tests need it; pip install 'webhook-hub[testing]', or in the "
        "connector's folder pip install -e '.[test]'",
        name=error.name,
    ) from None

from hub.connector import (
    Challenges,
    Connector,
    Outcome,
    Parsed,
    Says,
    Sender,
    Signs,
    Verdict,
    Verifies,
)
from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, InboundRequest, OutboundResponse
from hub.model.json import dumps
from hub.model.masking import is_secret_header
from hub.samples import request_of, samples_in
from hub.signature import parse_secret, verify_header_token, verify_standard

OF_THE_HUB = re.compile(r"hub\.(connector|signature|errors|model\.\w+)")
"""What of the hub a connector may import."""
REACHES_OUT = frozenset(
    {
        *("asyncio", "ctypes", "ftplib", "http", "io", "logging", "multiprocessing", "os"),
        *("pathlib", "random", "secrets", "shutil", "smtplib", "socket", "sqlite3", "ssl"),
        *("subprocess", "tempfile", "threading", "time", "urllib"),
    }
)
_ANSWER_FIELDS = frozenset(
    {
        *("case", "meaning", "recorded_from", "request", "response"),
        *("outcome", "says", "retry_after_s"),
    }
)
_SENT_FIELDS = frozenset(
    {
        *("case", "recorded_from", "request", "event_type", "message_id", "value"),
        *("verify", "refused", "challenge"),
    }
)
_some = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.differing_executors],  # each connector has a class
)
_URL = "https://YOUR-HUB/in/YOUR-SOURCE"
_ANY_TEXT = st.text(st.characters())  # lone surrogates too
_JSONISH = st.recursive(
    st.sampled_from([b"null", b"1e999", b"-0", b'"\\ud800"', b'"\\u0000"', b"9" * 30, b"NaN", b""])
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]")
        | inner.map(lambda value: b'{"event":' + value + b',"type":' + value + b"}")
    ),
    max_leaves=8,
)
_BODIES = (
    st.binary()
    | _JSONISH
    | st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
    | st.integers(1, 3000).map(lambda depth: b'{"event":' * depth)
    | st.just(b"\xff\xfe{\x00}\x00")
    | st.just(b"\xef\xbb\xbf{}")
    | st.just(b"1" * 5000)
    | st.just(b"payload=%7B&payload=%ff&=&&")
)
_TYPES = st.sampled_from(
    [
        *("application/json", "text/html", "a/b+json", "", ";", "TEXT/HTML; x"),
        *("application/x-www-form-urlencoded", "multipart/form-data", "application/xml"),
        *("multipart/form-data; boundary=x", "text/plain; charset=utf-16"),
    ]
)
_FIELDS = st.lists(
    st.tuples(st.just("content-type"), _TYPES | _ANY_TEXT)
    | st.tuples(st.just("retry-after"), st.sampled_from(["1", "-1", "NaN", "9" * 40, "²"]))
    | st.tuples(_ANY_TEXT, _ANY_TEXT),
    max_size=3,
).map(Headers)
REQUESTS = st.builds(
    InboundRequest,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "get", "WEIRD"]),
    rest=_ANY_TEXT,
    query=_ANY_TEXT | st.just("a=1&" * 2000) | st.just("%ff=%00&[]=1&a[]=&a=2&;;"),
    headers=_FIELDS,
    body=_BODIES,
    ip=st.just("192.0.2.1"),
    url=_ANY_TEXT | st.just("https://hub.example/in/a?x=1"),
)
ANSWERS = st.builds(
    OutboundResponse,
    status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 410, 413, 422, 429, 500, 502, 504])
    | st.integers(100, 999),
    headers=_FIELDS,
    body=_BODIES | _BODIES.map(lambda body: b'{"message":' + body + b',"hint":"\\u0000"}'),
    truncated=st.booleans(),
    duration_ms=st.just(1),
)


class ConnectorTests:
    """Subclass it, and say which ``connector`` is tested."""

    connector: ClassVar[Any]
    entry: ClassVar[str | None] = None
    """The name that it is offered under; None: its own."""

    # what it is

    def test_it_is_offered_under_its_name(self) -> None:
        name = self.entry or self.connector.name
        assert isinstance(self.connector, Connector)
        assert re.fullmatch(r"[a-z0-9-]+", self.connector.name)
        assert self.connector.name == name
        offered = entry_points(group="hub.connectors", name=name)
        assert [each.load() for each in offered] == [self.connector]

    def test_its_limit_is_one(self) -> None:
        limit = self.connector.limit_bytes()
        assert limit is None or limit > 0

    def test_its_signature_is_masked_before_it_is_kept(self) -> None:
        if isinstance(self.connector, Sender):
            assert is_secret_header(self.connector.scheme.header)

    def test_its_readme_gives_the_address_to_paste(self) -> None:
        assert _URL in (self.folder() / "README.md").read_text("utf-8")

    def test_it_imports_only_what_it_may(self) -> None:
        """No I/O, and nothing of the hub but the plug."""
        own = self.module().rpartition(".")[0]
        for file in self.folder().rglob("*.py"):
            for module in _imports_of(file):
                top = module.partition(".")[0]
                pure = top in sys.stdlib_module_names - REACHES_OUT or module == "urllib.parse"
                within = f"{module}.".startswith(f"{own}.")
                if not (pure or within or OF_THE_HUB.fullmatch(module)):
                    assert "test" in file.parts or "tests" in file.parts, (str(file), module)

    # what it makes of anything

    @_some
    @given(request=REQUESTS)
    def test_a_hostile_request_is_read_or_refused_and_twice_the_same(
        self, request: InboundRequest
    ) -> None:
        first = self._parsed(request)
        assert self._parsed(request) == first
        if isinstance(first, Parsed):
            dumps(first.value)
            for text in (first.event_type, first.message_id):
                assert text is None or (0 < len(text) <= 200 and text.isprintable())

    @_some
    @given(request=REQUESTS)
    def test_a_hostile_request_is_never_verified(self, request: InboundRequest) -> None:
        if isinstance(self.connector, Verifies):
            secret = self._secret()
            with pytest.raises(SignatureError) as caught:
                self.connector.verify([secret], request, 1_795_464_000.0)
            assert secret not in caught.value.message
            caught.value.message.encode()  # can be shown

    @_some
    @given(request=REQUESTS)
    def test_a_hostile_question_breaks_nothing(self, request: InboundRequest) -> None:
        if isinstance(self.connector, Challenges):
            reply = self.connector.challenge(request)
            assert reply is None or reply.body.isprintable()

    @_some
    @given(title=st.text(), text=st.text())
    def test_what_it_says_fits_its_tool_and_is_twice_the_same(self, title: str, text: str) -> None:
        most = self.connector.limit_bytes()
        if isinstance(self.connector, Says):
            said = dumps(self.connector.say(title, text))
            assert dumps(self.connector.say(title, text)) == said
            assert most is None or len(said) <= most

    @_some
    @given(response=ANSWERS)
    def test_any_answer_gets_a_verdict_and_twice_the_same(self, response: OutboundResponse) -> None:
        verdict = self.connector.classify(response)
        assert isinstance(verdict, Verdict)
        assert self.connector.classify(response) == verdict
        assert verdict.message.isprintable()
        assert 0 < len(verdict.message) < 1000
        assert verdict.retry_after_s is None or 0 <= verdict.retry_after_s < 1e9
        assert verdict.outcome is not Outcome.DELIVERED or 200 <= response.status < 300

    @_some
    @given(payload=_BODIES)
    def test_header_fields_are_fit_to_be_sent_and_twice_the_same(self, payload: bytes) -> None:
        fields = self.connector.headers(payload)
        assert self.connector.headers(payload) == fields
        for name, value in fields:
            assert re.fullmatch(r"[a-z0-9-]+", name)
            assert value.isascii()
            assert value.isprintable()

    # what its samples say

    def test_there_are_samples_of_what_it_does(self) -> None:
        cases = [case for _, case in self.samples()]
        sends = isinstance(self.connector, Sender)
        answers = any("response" in case for case in cases)
        assert not (sends and answers), "A Sender takes nothing: remove the samples of answers."
        assert sends or answers, "There is no sample of an answer (with 'response')."
        assert any("response" not in case for case in cases), "There is no sample of a request."
        signed = any(case.get("verify", {}).get("mode") == "preset" for case in cases)
        verifies = isinstance(self.connector, Verifies)
        assert signed or not verifies, "No sample has 'verify' with the mode 'preset'."
        assert verifies or not signed, "A sample asks for 'preset', but there is no verify()."

    def test_answers_mean_what_their_samples_say(self) -> None:
        for name, case in self.samples():
            if "response" in case:
                assert set(case) <= _ANSWER_FIELDS, name
                verdict = self.connector.classify(_answer_of(case["response"]))
                _same(name, "outcome", verdict.outcome.value, case)
                assert case.get("says", "") in verdict.message, f"{name}: {verdict.message!r}"
                _same(name, "retry_after_s", verdict.retry_after_s, case)

    def test_requests_say_what_their_samples_say(self) -> None:
        for name, case in self.samples():
            if "response" not in case:
                assert set(case) <= _SENT_FIELDS, name
                self._check_reading(name, case)
                self._check_verification(name, case)

    def _check_reading(self, name: str, case: dict[str, Any]) -> None:
        request = request_of(case["request"])
        if "refused" in case:
            with pytest.raises(InvalidError) as caught:
                self.connector.parse(request)
            _same(name, "refused", caught.value.code, case)
            return
        parsed = self.connector.parse(request)
        _same(name, "event_type", parsed.event_type, case)
        for field in {"value", "message_id"} & set(case):
            _same(name, field, getattr(parsed, field), case)
        asks = isinstance(self.connector, Challenges) and self.connector.challenge(request)
        _same(name, "challenge", asks.body if asks else None, case)

    def _check_verification(self, name: str, case: dict[str, Any]) -> None:
        """What fits is taken; with another body, other fields or another secret it is not."""
        rule = case.get("verify", {"mode": "none"})
        if rule["mode"] == "none":
            return
        request = request_of(case["request"])
        secrets = rule["secrets"]
        try:
            self._verify(rule, secrets, request)
        except SignatureError as error:
            raise AssertionError(f"{name}: {error.message}{self._fitting(rule, request)}") from None
        others = [replace(request, headers=Headers(request.headers.pairs[:1]))]
        if rule["mode"] != "header":
            others.append(replace(request, body=request.body + b"&x=1"))
        for other in others:
            with pytest.raises(SignatureError):
                self._verify(rule, secrets, other)
        with pytest.raises((SignatureError, InvalidError)):
            self._verify(rule, [f"{secret}A" for secret in secrets], request)

    def _fitting(self, rule: dict[str, Any], request: InboundRequest) -> str:
        """What the connector itself would add to a sample that was made up."""
        if rule["mode"] != "preset" or not isinstance(self.connector, Signs):
            return ""
        signed = self.connector.sign(rule["secrets"][0], request, rule["now_s"])
        return " Its own sign() adds " + ", ".join(f"{field}: {value}" for field, value in signed)

    def _verify(self, rule: dict[str, Any], secrets: list[str], request: InboundRequest) -> None:
        match rule["mode"]:
            case "preset":
                assert isinstance(self.connector, Verifies)
                for secret in secrets:
                    self.connector.check_secret(secret)
                self.connector.verify(secrets, request, rule["now_s"])
            case "standard":
                keys = [parse_secret(text) for text in secrets]
                found = verify_standard(keys, request.headers, request.body, rule["now_s"])
                assert found == rule["message_id"]
            case "header":
                verify_header_token(secrets, request.headers.get(rule["header"]))
            case other:
                raise AssertionError(f"There is no way {other!r} to verify.")

    # where it stands

    def module(self) -> str:
        """The module that offers the connector."""
        [entry] = entry_points(group="hub.connectors", name=self.entry or self.connector.name)
        return entry.module

    def folder(self) -> Path:
        """The folder of connector, README and samples."""
        return Path(str(import_module(self.module()).__file__)).parent

    def samples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every case, with a name for it."""
        return samples_in(self.folder())

    def _secret(self) -> str:
        """One that the connector takes."""
        rules = (case.get("verify", {}) for _, case in self.samples())
        secret: str = next(rule["secrets"][0] for rule in rules if rule.get("mode") == "preset")
        return secret

    def _parsed(self, request: InboundRequest) -> Parsed | str:
        try:
            parsed = self.connector.parse(request)
        except InvalidError as error:
            error.message.encode()  # can be shown
            return error.code
        assert isinstance(parsed, Parsed)
        return parsed


def _same(name: str, field: str, found: object, case: dict[str, Any]) -> None:
    """Says what differs: pytest shows no values of a module that is not a test's own."""
    assert found == case.get(field), f"{name}: {field} is {found!r}, not {case.get(field)!r}"


def _answer_of(message: dict[str, Any]) -> OutboundResponse:
    headers = Headers((name, value) for name, value in message["headers"])
    return OutboundResponse(message["status"], headers, message["body"].encode(), False, 12)


def _imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports stand with their full name"
            yield str(node.module)
