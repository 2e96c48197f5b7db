"""``hub connector new``: a package for a connector that works, and is tested, from the start."""

import json
import re
from pathlib import Path

from hub.errors import ConflictError, InvalidError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 40


def new_connector(name: str, where: Path) -> Path:
    """Write the package into a folder of its own; gives that.

    Raises:
        InvalidError: ``name_invalid``.
        ConflictError: ``folder_taken``.
    """
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name[:_LONGEST]!r} is no name for a connector: lower case letters and digits, with "
            f"hyphens between, at most {_LONGEST}, such as my-tool.",
            code="name_invalid",
        )
    folder = where / f"hub-{name}"
    if folder.exists():
        raise ConflictError(f"{folder} is there already: nothing was written.", code="folder_taken")
    module = f"hub_{name.replace('-', '_')}"
    for path, text in _files(name, module).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def _files(name: str, module: str) -> dict[str, str]:
    title = name.replace("-", " ").title()
    names = {"NAME": name, "MODULE": module, "TITLE": title, "CLASS": title.replace(" ", "")}
    texts = {
        "pyproject.toml": _PROJECT,
        "README.md": _ABOUT,
        "tests/test_connector.py": _TESTS,
        f"{module}/__init__.py": "",
        f"{module}/connector.py": _CONNECTOR,
        f"{module}/README.md": _README,
        f"{module}/samples/sent.json": _json(_SENT),
        f"{module}/samples/answers.json": _json(_ANSWERS),
    }
    return {path: _filled(text, names) for path, text in texts.items()}


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    return text


def _json(cases: list[dict[str, object]]) -> str:
    return json.dumps(cases, indent=2) + "\n"


_PROJECT = """\
[project]
name = "hub-@NAME@"
version = "0.1.0"
description = "@TITLE@ for the hub."
requires-python = ">=3.11"
dependencies = ["webhook-hub"]

[project.entry-points."hub.connectors"]
@NAME@ = "@MODULE@.connector:CONNECTOR"

[project.optional-dependencies]
test = ["webhook-hub[testing]"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["@MODULE@"]
"""
_ABOUT = """\
# @TITLE@ for the hub

```sh
pip install -e '.[test]'   # where the hub is installed: `hub up` finds it from the next start on
pytest                     # what holds for every connector, and what the samples say
```

What the connector knows stands in `@MODULE@/connector.py`, how people use it in
`@MODULE@/README.md`, and what the tool really sent and answered in `@MODULE@/samples`.
A sample's signature is the tool's own; where you made the sample up, a failing test tells the
signature that would fit.
"""
_TESTS = '''\
"""What holds for every connector, and what the samples say."""

from @MODULE@.connector import CONNECTOR
from hub.testing import ConnectorTests


class Test@CLASS@(ConnectorTests):
    connector = CONNECTOR
'''
_CONNECTOR = '''\
"""@TITLE@: what it sends, takes and means."""

from collections.abc import Sequence

from hub.connector import (
    Connector,
    Outcome,
    Parsed,
    Reading,
    Verdict,
    classify_by_text,
    event_type,
    parse_content,
    text_of,
)
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.scheme import Scheme
from hub.signature import key_of, sign_scheme, verify_scheme

# How it signs: here the HMAC-SHA256 of the body, as hexadecimal digits.
SCHEME = Scheme(header="X-Signature", prefix="sha256=")

# What its answers mean where HTTP does not say it: the first that fits counts.
READINGS = (
    Reading(
        400,
        "queue is full",
        Outcome.BACK_PRESSURE,
        "It does not keep up: let it run more often.",
        60.0,
    ),
)


class @CLASS@:
    """What @TITLE@ sends, takes and means."""

    name = "@NAME@"

    def parse(self, request: InboundRequest) -> Parsed:
        """What a request says: its value, its type, and the id that repeats are known by."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "event", "type"), event_type(value, "id"))

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """Whether a request is from it: sources ask so with {"mode": "preset"}."""
        verify_scheme(SCHEME, secrets, request, now_s)

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """The fields that it adds to a request: `hub source test` signs with them as it does."""
        return sign_scheme(SCHEME, secret, request, now_s)

    def check_secret(self, secret: str) -> None:
        """Whether a secret can be used, before it is kept."""
        key_of(SCHEME, secret)

    def knows(self, host: str, path: str) -> bool:
        """Whether an address is surely its own, so that its answers are read as such."""
        return host == "hooks.@NAME@.example"

    def headers(self, payload: bytes) -> Pairs:
        """What it wants on a request beside the hub's own fields."""
        return ()

    def limit_bytes(self) -> int | None:
        """The largest body that it takes."""
        return 5 * 1024 * 1024

    def classify(self, response: OutboundResponse) -> Verdict:
        """What it means by an answer."""
        return classify_by_text(READINGS, response, text_of(response))


CONNECTOR: Connector = @CLASS@()
'''
_README = """\
# @TITLE@

## @TITLE@ sends to the hub
1. Make a source: `{"connector": "@NAME@", "verify": {"mode": "preset", "secrets": ["…"]}}`.
2. In @TITLE@ enter `https://YOUR-HUB/in/YOUR-SOURCE` as the address, and the same secret.

## The hub sends to @TITLE@
1. Make a destination with the address that @TITLE@ shows: `{"connector": "@NAME@", "url": "…"}`.
"""
_SENT: list[dict[str, object]] = [
    {
        "case": "order paid",
        "request": {
            "method": "POST",
            "path": "/in/@NAME@",
            "headers": [
                ["Content-Type", "application/json"],
                [
                    "X-Signature",
                    "sha256=a72723bdfc210d57cbd391e926d2d6512d679d1d77aa21014f3f2c56e97e8aea",
                ],
            ],
            "body": '{"event":"order.paid","id":"o-7"}',
        },
        "event_type": "order.paid",
        "message_id": "o-7",
        "verify": {"mode": "preset", "secrets": ["a-secret-of-this-sample"], "now_s": 0},
    }
]
_ANSWERS: list[dict[str, object]] = [
    {
        "case": "taken",
        "response": {"status": 200, "headers": [], "body": "ok"},
        "outcome": "delivered",
    },
    {
        "case": "full",
        "response": {"status": 400, "headers": [], "body": "Queue is full."},
        "outcome": "back_pressure",
        "says": "let it run more often",
        "retry_after_s": 60.0,
    },
]
