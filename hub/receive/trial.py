"""A source is tried out: a sample as its sender would send it, proven as the source asks."""

import time
from dataclasses import replace
from typing import Any

from hub.connector import Connector
from hub.errors import InvalidError
from hub.model.http import Headers, OutboundRequest
from hub.model.json import Json
from hub.model.masking import is_secret_header
from hub.model.source import Source, VerifyHeader, VerifyHmac
from hub.outbound.guard import SET_BY_HUB
from hub.receive.proof import proof
from hub.samples import request_of, sent_samples

_ANY: dict[str, Any] = {
    "case": "any",
    "request": {
        "method": "POST",
        "path": "/in/any",
        "headers": [["Content-Type", "application/json"]],
        "body": '{"event":"sample.sent","sample":true}',
    },
}
"""For connectors without samples."""
_NEW = ("idempotency-key", "webhook-id")
"""What would make each try a duplicate of the one before."""


def sample_of(connector: str, case: str | None) -> dict[str, Any]:
    """A sample of a connector: the one of that name, or the first that has a body.

    Raises:
        InvalidError: ``sample_unknown``.
    """
    cases = sent_samples(connector) or [_ANY]
    if case is None:
        return next((each for each in cases if each["request"]["body"]), cases[0])
    for each in cases:
        if each.get("case") == case:
            return each
    known = ", ".join(repr(each.get("case", "")) for each in cases)
    raise InvalidError(
        f"There is no sample {case[:200]!r}: there are {known}.", code="sample_unknown"
    )


def outgoing(
    source: Source, connector: Connector, sample: dict[str, Any], body: str | None, address: str
) -> OutboundRequest:
    """The sample as this source is sent it: without what proved the recorded one.

    Raises:
        InvalidError: ``proof_impossible``.
    """
    recorded = request_of(sample["request"])
    url = f"{address}?{recorded.query}" if recorded.query else address
    own = {*_NEW, *SET_BY_HUB, *_proving(source)}
    kept = [(n, v) for n, v in recorded.headers if n not in own and not is_secret_header(n)]
    request = replace(
        recorded,
        url=url,
        rest="",
        headers=Headers(kept),
        body=recorded.body if body is None else body.encode(),
    )
    proven = proof(source, connector, request, time.time())
    names = {name.lower() for name, _ in proven}
    fields = (*((n, v) for n, v in kept if n not in names), *proven)
    return OutboundRequest(request.method, url, fields, request.body)


def told(source: Source, sent: OutboundRequest) -> dict[str, Json]:
    """What is sent, without what proves it."""
    secret = _proving(source)
    headers = {
        name: "…" if is_secret_header(name) or name.lower() in secret else value
        for name, value in sent.headers
    }
    body = sent.body.decode("utf-8", "replace")
    return {"method": sent.method, "url": sent.url, "headers": headers, "body": body}


def _proving(source: Source) -> set[str]:
    verify = source.verify
    return {verify.header.lower()} if isinstance(verify, (VerifyHeader, VerifyHmac)) else set()
