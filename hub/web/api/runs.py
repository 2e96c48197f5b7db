"""``/v1/runs``: what ran, how it went, and each of its steps."""

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator
from starlette.responses import Response

from hub.errors import ConflictError, HubError
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.run import RunStatus
from hub.model.time import now_us, to_iso
from hub.receive.replay import Replayer
from hub.stack.journal import RETRY, Entry, Journal, encode
from hub.store.control import CANCEL, GO_ON, GoOn
from hub.store.lookup import LAST, where
from hub.store.queues import RUNS
from hub.store.runs import START, brief_page_of_runs, find_run, journal_of, page_of_runs
from hub.store.schema import run_attempts
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.api.run_steps import steps_of, with_input
from hub.web.api.simulations import previewed
from hub.web.paging import PAGE
from hub.web.parameters import id_of, text, word
from hub.web.run_stream import RunStream
from hub.web.shown.base import Content, Started, listed
from hub.web.shown.work import PreviewShown, RunAttemptShown, RunShown, StepShown

ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)
_CHUNK = 50
_MOST_INPUTS = 10
"""Each costs as much as its run did up to there."""
_MAX_CHARS = 8_000_000
"""A page of runs with large inputs and results ends early."""


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    filters: dict[str, Any] = dict(wanted.filters)
    if "task" in filters:
        filters["task"] = _full_name(call, filters["task"])
    read = brief_page_of_runs if filters.pop(_BRIEF.name, "") == "true" else page_of_runs
    rows: list[dict[str, Any]] = []
    last: str | None = wanted.after(LAST)
    chars = 0
    while last is not None and len(rows) < wanted.limit and chars < _MAX_CHARS:
        most = min(_CHUNK, wanted.limit - len(rows))
        found = await call.hub.ledger.read(read, before=last, most=most + 1, **filters)
        rows += found[:most]
        last = found[most - 1]["id"] if len(found) > most else None
        chars += sum(len(row["input"] or "") + len(row["result"] or "") for row in found)
    return answer(wanted.answer([shown_run(row) for row in rows], last))


async def _get(call: Call) -> Response:
    return answer(shown_run(await _row(call)))


async def _get_steps(call: Call) -> Response:
    wanted = call.page()
    row = await _row(call)
    path = wanted.filters.get("path")
    steps = [each for each in await steps_of(call.hub, row) if path is None or each["path"] == path]
    begin = wanted.after(0)
    end = begin + wanted.limit
    page = steps[begin:end]
    if wanted.filters.get(_INPUT.name) == "true":
        page = await with_input(call.hub, row, page[:_MOST_INPUTS])
        end = min(end, begin + _MOST_INPUTS)
    return answer(wanted.answer(page, end if end < len(steps) else None))


async def _get_attempts(call: Call) -> Response:
    wanted = call.page()
    row = await _row(call)
    rows = await call.hub.ledger.read(where, run_attempts, run_id=row["id"])
    begin = wanted.after(0)
    end = begin + wanted.limit
    shown = [_shown_attempt(each) for each in rows[begin:end]]
    return answer(wanted.answer(shown, end if end < len(rows) else None))


async def _stream(call: Call) -> Response:
    return RunStream(call.hub, shown_run(await _row(call)), ended=frozenset(ENDED))


async def _cancel(call: Call) -> Response:
    row = await _row(call)
    if not await call.hub.ledger.write(CANCEL, row["id"]):
        raise ConflictError(f"The run has ended already: it has {row['status']}.", code="run_ended")
    call.hub.metrics.run_changed(row["task"], "cancelled")
    call.hub.bell.ring(RUNS)  # another one may have waited for its key
    return await _get(call)


class Retry(Body):
    """How a run is retried."""

    start: Literal["failed_step", "beginning"] = Field(
        "failed_step",
        validation_alias=AliasChoices("from", "start"),
        description="At the failed step, with what came before; or a new run from its beginning.",
    )
    dry_run: bool = Field(
        False, description="From the beginning: show what would happen, and change nothing."
    )

    @model_validator(mode="after")
    def _whole(self) -> "Retry":
        if self.dry_run and self.start != "beginning":
            raise ValueError(
                "'dry_run' shows a run from its beginning: give 'from': 'beginning' too."
            )
        return self


async def _retry(call: Call) -> Response:
    row, wish = await _row(call), await call.body(Retry)
    run_id = row["id"]
    if wish.start == "beginning":
        replay = await Replayer(call.hub.ledger, call.hub.catalog, call.hub.connectors).of_run(
            run_id
        )
        if wish.dry_run:
            return answer(await previewed(call, replay))
        run_id = await call.hub.ledger.write(START, replay.start)
    else:
        await _go_on(call, row)
    call.hub.metrics.run_changed(row["task"], "retried")
    call.hub.bell.ring(RUNS)
    url = f"{call.root}/v1/runs/{run_id}"
    return answer({"id": run_id, "status": "queued", "url": url}, 202, {"location": url})


async def _go_on(call: Call, row: dict[str, Any]) -> None:
    """Take the failed step out of the journal; all before it counts."""
    rows = await call.hub.ledger.read(journal_of, row["id"])
    failure = _json(row["failure"])
    entries = b""
    if isinstance(failure, dict) and failure["step"] is not None:
        retries = Journal.of(rows).retries
        path = f"{RETRY}{retries + 1}?"
        entries = encode([Entry(path, RETRY, now_us(), 0, failure["step"], note="by hand")])
    if not await call.hub.ledger.write(GO_ON, GoOn(row["id"], len(rows), entries)):
        raise ConflictError(
            "Only a run that has failed or was cancelled can go on; one that succeeded can be "
            'run again from the beginning: {"from": "beginning"}.',
            code="run_not_failed",
        )


def _shown_attempt(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "id": row["id"],
        "step": row["path"],
        "method": row["method"],
        "url": row["url"],
        "started_at": to_iso(row["started_at"]),
        "duration_ms": row["duration_ms"],
        "status_code": row["status_code"],
        "outcome": row["outcome"],
        "message": row["message"],
        "response_body": row["response_body"],
    }


async def _row(call: Call) -> dict[str, Any]:
    run_id = call.id("run", "run")
    row = await call.hub.ledger.read(find_run, run_id)
    if row is None:
        raise missing("run", run_id)
    return row


def shown_run(row: dict[str, Any]) -> dict[str, Json]:
    """A run in the API's shape."""
    return {
        "id": row["id"],
        "task": row["task"],
        "version": row["version"],
        "status": row["status"],
        "lane": row["lane"],
        "due_at": to_iso(row["due_at"]),
        "attempt": row["attempt"],
        "progress": _json(row["progress"]),
        "input": _json(row["input"]),
        "result": _json(row["result"]),
        "failure": _json(row["failure"]),
        "parent": row["parent"],
        "retry_of": row["retry_of"],
        "chain_depth": row["chain_depth"],
        "event_id": row["event_id"],
        "created_at": to_iso(row["created_at"]),
        "started_at": _moment(row["started_at"]),
        "finished_at": _moment(row["finished_at"]),
    }


def _full_name(call: Call, name: str) -> str:
    """A bare name stands for the task that has it, if there is one."""
    try:
        return call.hub.catalog.resolve(name)
    except HubError:
        return name


def _json(text: str | bytes | None) -> Json:
    return None if text is None else loads(text)


def _moment(us: int | None) -> str | None:
    return None if us is None else to_iso(us)


FOLLOWED = Content(("text/event-stream",), "The run as it stands, then what changes of it.")
_BRIEF = word(
    "brief", "`true`: their inputs and results are not read, and are null.", ("true", "false")
)
_INPUT = word(
    "input",
    "`true`: with what their fields came to, computed anew from what the run has kept; "
    f"at most {_MOST_INPUTS} steps a page.",
    ("true", "false"),
)
_UNKNOWN = {404: ("run_unknown",)}
_ONE = "/v1/runs/{id}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/runs", Scope.READ, _get_all, "List runs, the newest first"),
        query=(
            text("task", "Only those of this task."),
            word("status", "Only those that stand so.", tuple(RunStatus)),
            text("event_id", "Only those of this event."),
            id_of("parent", "run", "Only those that this run has started."),
            _BRIEF,
            *PAGE,
        ),
        gives={200: listed(RunShown)},
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a run"),
        gives={200: RunShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("GET", f"{_ONE}/attempts", Scope.READ, _get_attempts, "List a run's requests"),
        query=PAGE,
        gives={200: listed(RunAttemptShown)},
        problems=_UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/cancel", Scope.RUN, _cancel, "End a run where it stands"),
        gives={200: RunShown},
        problems={**_UNKNOWN, 409: ("run_ended",)},
    ),
    Operation(
        *("POST", f"{_ONE}/retry", Scope.RUN, _retry, "Have a run go on", Retry),
        optional=True,
        gives={200: PreviewShown, 202: Started},
        problems={
            **_UNKNOWN,
            409: ("run_not_failed", "input_gone", "task_gone"),
            422: ("limit_time", "limit_runs"),
        },
    ),
    Operation(
        *("GET", f"{_ONE}/stream", Scope.READ, _stream, "Follow a run live (SSE)"),
        gives={200: FOLLOWED},
        problems=_UNKNOWN,
        name="follow_run",
    ),
    Operation(
        *("GET", f"{_ONE}/steps", Scope.READ, _get_steps, "List the steps of a run"),
        query=(
            text("path", "Only the step that stands there, each time that it was done."),
            _INPUT,
            *PAGE,
        ),
        gives={200: listed(StepShown)},
        problems=_UNKNOWN,
    ),
)
