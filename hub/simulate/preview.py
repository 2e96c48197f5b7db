"""What a replay would do, without doing it: by the stacks as they are, beside what the version
that ran before would do with the same input and the same records.

Both run in hubs that are thrown away, at one standing time and under one run id, so that what
differs differs by the version alone. Nothing leaves: requests are answered as the earlier run's
were, secrets are stood in for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, zip_longest
from typing import Any

from hub.connector import Connector
from hub.errors import ConflictError, InvalidError
from hub.model.json import Json, dumps_text, loads
from hub.model.query import Query, Sort
from hub.model.record import Record
from hub.model.time import now_us
from hub.receive.replay import Replay
from hub.simulate.answers import FAILURES, StubAnswer, StubAnswers, StubSender
from hub.simulate.report import as_json
from hub.simulate.simulation import Clock, Simulation, Wanted, simulation
from hub.stack.task import Stack
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger
from hub.store.lookup import where
from hub.store.records import find_records, table_names
from hub.store.schema import run_attempts
from hub.store.stacks import all_stacks, stack_text

MAX_RECORDS = 2000
"""So many of a table's newest records are looked at."""
MAX_ALL_RECORDS = 20_000
MAX_DIFFERENCES = 200
_MAX_COMPARED = 2000
_KINDS = ["run", "step", "request", "record", "message", "log", "later", "schedule"]
_NOT_COMPARED = ("kind", "at", "steps", "attempt", "duration_ms")
_MADE = re.compile(r"(run|evt|dlv|att|msg)_[0-9a-f]{32}(?:/[A-Za-z0-9_-]{32})?")
"""Ids that are made by chance, and the tokens of resume URLs."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What both versions find."""

    tables: dict[str, list[Json]]
    partial: list[str]
    """Tables of which there is more."""
    variables: dict[str, str]
    secrets: dict[str, str]
    """What stands in for each."""
    answers: StubAnswers
    at_us: int


class Preview:
    """Looks at a ledger, and changes nothing in it."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        connectors: Mapping[str, Connector],
        timezone: str,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._connectors = connectors
        self._timezone = timezone

    async def of(self, replay: Replay) -> dict[str, Json]:
        """What it would come to, and in what the versions differ.

        ``{task, versions: {then, now}, recorded, then, now, same, differences, omitted, timeline,
        assumed, partial}``; ``then`` is null where there is no earlier version to compare with.

        Raises:
            ConflictError: ``task_gone``.
            InvalidError: the simulation cannot be set up.
            LimitError: it runs away.
        """
        await self._catalog.refresh()
        if self._catalog.known_task(replay.start.task) is None:
            raise ConflictError(
                f"The task {replay.start.task!r} is gone: upload a stack that has it again.",
                code="task_gone",
            )
        texts = await self._texts()
        name = replay.start.task.partition("/")[0]
        version = None if replay.earlier is None else replay.earlier["version"]
        before = await self._text_before(name, version)
        around = await self._around(replay, texts)
        now = await self._simulated(replay, texts, around)
        then = None
        if before is not None:
            is_same = before == texts[name]
            then = now if is_same else await self._simulated(replay, texts | {name: before}, around)
        found = [] if then is None else list(_differences(then, now))
        return {
            "task": replay.start.task,
            "versions": {"then": version, "now": self._catalog.now.stacks[name].version},
            "recorded": replay.earlier and _recorded(replay.earlier),
            "then": then and then.ending,
            "now": now.ending,
            "same": then is not None and not found,
            "differences": found[:MAX_DIFFERENCES],
            "omitted": max(0, len(found) - MAX_DIFFERENCES),
            "timeline": now.timeline,
            "assumed": now.assumed,
            "partial": around.partial,
        }

    async def _texts(self) -> dict[str, str]:
        known: Mapping[str, Stack] = self._catalog.now.stacks
        stored = await self._ledger.read(all_stacks)
        return {each.name: each.text for each in stored if each.name in known}

    async def _text_before(self, name: str, version: str | None) -> str | None:
        return None if version is None else await self._ledger.read(stack_text, name, version)

    async def _around(self, replay: Replay, texts: Mapping[str, str]) -> _Around:
        tables, partial = await self._tables(texts[replay.start.task.partition("/")[0]])
        variables = self._catalog.now.variables
        secrets = {n: _stand_in(n, each.value) for n, each in variables.items() if each.secret}
        rows = []
        if replay.earlier is not None:
            rows = await self._ledger.read(where, run_attempts, run_id=replay.earlier["id"])
        return _Around(
            tables,
            partial,
            {n: each.value for n, each in variables.items() if not each.secret},
            secrets,
            _answers(rows, secrets),
            now_us(),
        )

    async def _tables(self, text: str) -> tuple[dict[str, list[Json]], list[str]]:
        """The newest records of each table, those first that the stack names."""
        found: dict[str, list[Json]] = {}
        partial: list[str] = []
        left = MAX_ALL_RECORDS
        names = await self._ledger.read(table_names)
        for name in sorted(names, key=lambda each: each not in text):
            most = min(MAX_RECORDS, left)
            newest = Query(name, sort=(Sort("id", "desc"),), limit=most + 1)
            rows: list[Record] = await self._ledger.read(find_records, newest)
            if len(rows) > most:
                partial.append(name)
            found[name] = [each.as_fields() for each in reversed(rows[:most])]
            left -= len(found[name])
        return found, partial

    async def _simulated(
        self, replay: Replay, texts: Mapping[str, str], around: _Around
    ) -> "_Outcome":
        clock = Clock(around.at_us)
        wanted = Wanted(
            stacks=texts,
            task=replay.start.task,
            input=replay.given,
            context=loads(replay.start.context or "{}"),
            run_id=None if replay.earlier is None else replay.earlier["id"],
            event=replay.event,
            tables=around.tables,
            declared=self._catalog.now.tables,
            variables=around.variables,
            secrets=around.secrets,
            timezone=self._timezone,
        )
        sender = StubSender(around.answers, clock.pass_time)
        async with simulation(wanted, sender, self._connectors, clock) as made:
            await made.run()
            return await _outcome(made, around)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one version came to, with what can be compared of it by kind."""

    ending: dict[str, Json]
    items: dict[str, list[dict[str, Json]]]
    timeline: list[Json]
    assumed: list[str]
    """Where requests went whose answers nobody knows."""


async def _outcome(made: Simulation, around: _Around) -> _Outcome:
    told = await as_json(made)
    assumed = {
        each["url"]
        for each in told["timeline"]
        if each["kind"] == "request" and "run" in each and each["url"] not in around.answers
    }
    shown = _named({**told, "assumed": sorted(assumed)}, around.secrets)
    comparable = loads(_MADE.sub(r"\1_*", dumps_text(shown)))
    items: dict[str, list[dict[str, Json]]] = {"later": comparable["left"]}
    for kind, item in chain.from_iterable(map(_split, comparable["timeline"])):
        items.setdefault(kind, []).append(item)
    for table, rows in comparable["tables"].items():
        items.setdefault("record", []).extend({"table": table, **row} for row in rows)
    first = next(each for each in shown["timeline"] if each["kind"] == "run")
    ending = {name: first[name] for name in ("status", "result", "failure")}
    return _Outcome(ending, items, shown["timeline"], shown["assumed"])


def _split(happened: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """A run is compared as itself, and step by step."""
    item = {name: value for name, value in happened.items() if name not in _NOT_COMPARED}
    yield happened["kind"], item
    for step in happened.get("steps", ()):
        kept = {name: value for name, value in step.items() if name not in _NOT_COMPARED}
        yield "step", {"task": item["task"], **kept}


def _named(value: Json, secrets: Mapping[str, str]) -> Json:
    """With the names of secrets instead of what stood in for them."""
    text = dumps_text(value)
    for name, stand_in in sorted(secrets.items(), key=lambda each: -len(each[1])):
        text = text.replace(stand_in, f"{{{{env.{name}}}}}")
    return loads(text)


def _differences(then: _Outcome, now: _Outcome) -> Iterator[dict[str, Json]]:
    """What one did and the other did not, or did otherwise: ``{kind, then, now}``."""
    for kind in sorted({*then.items, *now.items}, key=_KINDS.index):
        before = then.items.get(kind, [])[:_MAX_COMPARED]
        after = now.items.get(kind, [])[:_MAX_COMPARED]
        matcher = SequenceMatcher(None, _keys(before), _keys(after), autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag != "equal":
                for old, new in zip_longest(before[i1:i2], after[j1:j2]):
                    yield {"kind": kind, "then": old, "now": new}


def _keys(items: Iterable[dict[str, Json]]) -> list[str]:
    """What makes two of them the same: all but where in the stack they stand."""
    return [dumps_text({k: v for k, v in item.items() if k != "path"}) for item in items]


def _recorded(row: Mapping[str, Any]) -> dict[str, Json]:
    """How the earlier run ended."""
    return {
        "id": row["id"],
        "status": row["status"],
        "result": None if row["result"] is None else loads(row["result"]),
        "failure": None if row["failure"] is None else loads(row["failure"]),
    }


def _stand_in(name: str, value: str) -> str:
    """Something for a secret that fits where it stood."""
    plain = name.lower().replace("_", "-")
    if not value.startswith("http"):
        return f"secret-of-{plain}"
    return f"https://{plain}.secret.invalid" + "/" * value.endswith("/")


def _answers(rows: Iterable[Mapping[str, Any]], secrets: Mapping[str, str]) -> StubAnswers:
    """What the earlier run's requests were answered with, by URL, in turn."""
    found: dict[str, list[StubAnswer]] = {}
    for row in rows:
        url = row["url"]
        for name, stand_in in secrets.items():
            url = url.replace(f"{{{{env.{name}}}}}", stand_in)
        found.setdefault(url, []).append(_answer(row))
    return {url: tuple(answers) for url, answers in found.items()}


def _answer(row: Mapping[str, Any]) -> StubAnswer:
    if row["status_code"] is None:
        known = row["outcome"] in FAILURES
        return StubAnswer(failure=row["outcome"] if known else "connect_failed")
    try:
        body = loads(row["response_body"] or "null")
    except InvalidError:
        body = row["response_body"]
    return StubAnswer(status=row["status_code"], body=body)
