"""Samples of connectors: what their tools really send and answer, as they are recorded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.clicks import folder_of
from hub.model.http import Headers, InboundRequest


def samples_in(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case of the folder's ``samples/*.json``, with a name for it."""
    for file in sorted((folder / "samples").glob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        for n, case in enumerate(content if isinstance(content, list) else [content]):
            yield f"{file.name} {n} {case.get('case', '')}", case


def sent_samples(connector: str) -> list[dict[str, Any]]:
    """The cases of a connector that its tool sends and that it takes; none without a folder."""
    folder = folder_of(connector)
    return [
        case
        for _, case in (samples_in(folder) if folder is not None else ())
        if "response" not in case and "refused" not in case and "challenge" not in case
    ]


def request_of(message: dict[str, Any]) -> InboundRequest:
    """A sample's request, as it comes in."""
    path, _, query = message["path"].partition("?")
    rest = path.removeprefix("/in/").partition("/")[2]
    headers = Headers((name, value) for name, value in message["headers"])
    url = message.get("url", f"https://hub.example{message['path']}")
    body = message["body"].encode()
    return InboundRequest(message["method"], rest, query, headers, body, "192.0.2.1", url)
