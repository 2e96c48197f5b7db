"""``hub source test``, ``hub destination test``: a sample is sent, and all is shown."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from hub.bootstrap import current_ledger, load_connectors
from hub.connector import Outcome
from hub.deliver.trial import sample, try_out
from hub.errors import InvalidError, NotFoundError, OutboundError
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.json import Json, loads
from hub.model.source import Source
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from hub.printing import print_json
from hub.receive.trial import outgoing, sample_of, told
from hub.settings import Settings, variables
from hub.store.catalog import Catalog

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What a source is sent: ``case`` names a sample of its connector, ``body`` stands in for its
    own, ``url`` for the hub's address."""

    case: str | None = None
    body: str | None = None
    url: str | None = None


async def test_source(settings: Settings, slug: str, given: Sample, *, as_json: bool) -> int:
    """Send a sample through the front door, and print what is sent and answered.

    Gives 0 if it was taken.

    Raises:
        NotFoundError: ``source_unknown``.
        InvalidError: ``sample_unknown``, ``proof_impossible``.
        OutboundError: no hub answers there.
    """
    source = await _source(settings, slug)
    connector = load_connectors().get(source.connector)
    if connector is None:
        raise InvalidError(f"The connector {source.connector!r} is not installed.")
    sample = sample_of(source.connector, given.case)
    root = given.url or settings.root
    signed = settings.root if settings.public_url is not None else root
    sent = outgoing(source, connector, sample, given.body, f"{signed}/in/{slug}")
    sent = replace(sent, url=sent.url.replace(signed, root, 1))
    if not as_json:
        _show_sent(source, sent)
    policy = AddressPolicy(allow=settings.outbound_allow, own_ports=frozenset())
    async with Client(policy, connections=1) as client:
        try:
            answer = await client.send(sent, timeout_s=_TIMEOUT_S, allow_private=True)
        except OutboundError as error:
            raise OutboundError(
                f"{error.message} Is the hub running? Start it with `hub up`, or say where it is "
                "with --url.",
                code=error.code,
            ) from error
    if as_json:
        print_json({"request": told(source, sent), "answer": _told_answer(answer)})
    else:
        _show_answer(answer)
    return 0 if 200 <= answer.status < 300 else 1


async def test_destination(
    settings: Settings, slug: str, body: str | None, *, dry_run: bool, as_json: bool
) -> int:
    """Send a sample, or ``body`` (JSON), and print what is sent and answered.

    Gives 0 if it was taken, or not to be sent.

    Raises:
        NotFoundError: ``destination_unknown``.
        InvalidError: the body is no JSON, or cannot be rendered.
    """
    destination = (await _catalog(settings)).now.destinations.get(slug)
    if destination is None:
        raise NotFoundError(
            f"There is no destination {slug!r}: `hub destination list` names them.",
            code="destination_unknown",
        )
    connector = load_connectors().get(destination.connector)
    if connector is None:
        raise InvalidError(f"The connector {destination.connector!r} is not installed.")
    given = sample() if body is None else loads(body)
    policy = AddressPolicy(allow=settings.outbound_allow, own_ports=frozenset({settings.port}))
    async with Client(policy, connections=1) as client:
        tried = await try_out(slug, destination, connector, given, None if dry_run else client)
    if as_json:
        print_json(tried)
    else:
        _show_trial(tried)
    return 0 if dry_run or tried["outcome"] == Outcome.DELIVERED else 1


def _show_trial(tried: dict[str, Any]) -> None:
    sent, answered = tried["request"], tried["answer"]
    if sent is not None:
        sys.stdout.write(f"{sent['method']} {sent['url']}\n")
        _show_fields(sent["headers"].items())
        sys.stdout.write(f"\n{sent['body']}\n\n")
    if answered is not None:
        sys.stdout.write(f"{answered['status']} in {answered['duration_ms']} ms\n")
        _show_fields(answered["headers"].items())
        sys.stdout.write(f"\n{answered['body']}\n\n")
    if "outcome" in tried:
        sys.stdout.write(f"{tried['outcome']}: {tried['message']}\n")


def _show_fields(fields: Iterable[tuple[str, str]]) -> None:
    for name, value in fields:
        sys.stdout.write(f"{name}: {value}\n")


async def _source(settings: Settings, slug: str) -> Source:
    found = (await _catalog(settings)).now.sources.get(slug)
    if found is None:
        raise NotFoundError(
            f"There is no source {slug!r}: `hub source list` names them.", code="source_unknown"
        )
    return found


async def _catalog(settings: Settings) -> Catalog:
    async with current_ledger(settings) as ledger:
        catalog = Catalog(ledger, variables())
        await catalog.refresh()
        return catalog


def _told_answer(answer: OutboundResponse) -> dict[str, Json]:
    text = answer.body.decode("utf-8", "replace")
    return {"status": answer.status, "duration_ms": answer.duration_ms, "body": text}


def _show_sent(source: Source, sent: OutboundRequest) -> None:
    shown, path = told(source, sent), urlsplit(sent.url)
    sys.stdout.write(f"{sent.method} {path.path}{'?' + path.query if path.query else ''}\n")
    _show_fields(shown["headers"].items())
    sys.stdout.write(f"\n{shown['body']}\n\n")


def _show_answer(answer: OutboundResponse) -> None:
    shown = _told_answer(answer)
    sys.stdout.write(f"{shown['status']} in {shown['duration_ms']} ms\n{shown['body']}\n")
