"""``/v1/schedules``: when tasks are started by the clock, and holding that up."""

from itertools import islice

from starlette.responses import Response

from hub.errors import NotFoundError
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.run.scheduling import Known, known_schedules
from hub.store.queues import RUNS
from hub.store.runs import START
from hub.store.schedules import ARM, PAUSE, Arm, Pause, ScheduleRow, schedules_now
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.paging import PAGE
from hub.web.shown.base import Started, listed
from hub.web.shown.stacks import ScheduleShown

_SHOWN = 5


async def _get_all(call: Call) -> Response:
    page = call.page()
    known = _known(call)
    now, rows = await call.hub.ledger.read(schedules_now)
    names, last = page.of_names(known)
    return answer(page.answer([_shown(known[n], rows.get(n), now) for n in names], last))


async def _get(call: Call) -> Response:
    return await _answered(call, await _named(call))


async def _pause(call: Call) -> Response:
    return await _held(call, paused=True)


async def _resume(call: Call) -> Response:
    return await _held(call, paused=False)


async def _held(call: Call, *, paused: bool) -> Response:
    """One that goes on catches up nothing: it is due next after now."""
    known = await _named(call)
    now, _ = await call.hub.ledger.read(schedules_now)
    next_at = next(known.after(now))
    await call.hub.ledger.write(ARM, Arm(known.name, known.spec, next_at))
    await call.hub.ledger.write(PAUSE, Pause(known.name, paused, next_at))
    return await _answered(call, known)


async def _run(call: Call) -> Response:
    known = await _named(call)
    now, _ = await call.hub.ledger.read(schedules_now)
    start = known.start(None, now, None)
    await call.hub.ledger.write(START, start)
    call.hub.bell.ring(RUNS)
    url = f"{call.root}/v1/runs/{start.id}"
    return answer({"id": start.id, "status": "queued", "url": url}, 202, {"location": url})


async def _answered(call: Call, known: Known) -> Response:
    now, rows = await call.hub.ledger.read(schedules_now)
    return answer(_shown(known, rows.get(known.name), now))


def _known(call: Call) -> dict[str, Known]:
    return known_schedules(call.hub.catalog, call.hub.settings.timezone)


async def _named(call: Call) -> Known:
    """The schedule in the path: its full name, or the bare one if only one stack has it.

    Raises:
        NotFoundError: ``schedule_unknown``.
    """
    name = call.given("name")
    await call.hub.catalog.refresh()
    known = _known(call)
    found = [each for each in known if name in (each, each.partition("/")[2])]
    if len(found) > 1:
        raise NotFoundError(
            f"{name!r} may be {' or '.join(sorted(found))}: write which.", code="schedule_unknown"
        )
    if not found:
        raise missing("schedule", name)
    return known[found[0]]


def _shown(known: Known, row: ScheduleRow | None, now: int) -> dict[str, Json]:
    schedule = known.schedule
    is_current = row is not None and row.spec == known.spec and row.next_at > now
    first = row.next_at if row is not None and is_current else next(known.after(now))
    times = [first, *islice(known.after(first), _SHOWN - 1)]
    return {
        "name": known.name,
        "task": known.task.full_name,
        "cron": schedule.cron,
        "timezone": known.zone,
        "overlap": schedule.overlap,
        "catch_up": schedule.catch_up,
        "clock": schedule.clock,
        "paused": row is not None and row.paused,
        "next": [to_iso(at) for at in times],
        "last_fired_at": to_iso(row.fired_at) if row is not None and row.fired_at else None,
        "last_run": row.last_run if row is not None else None,
        "fires": row.fires if row is not None else 0,
        "skipped": row.skipped if row is not None else 0,
    }


_UNKNOWN = {404: ("schedule_unknown",)}
_ONE = "/v1/schedules/{name:path}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/schedules", Scope.READ, _get_all, "List the schedules"),
        query=PAGE,
        gives={200: listed(ScheduleShown)},
    ),
    Operation(
        *("POST", f"{_ONE}/pause", Scope.WRITE, _pause, "Have a schedule fire no more"),
        gives={200: ScheduleShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/resume", Scope.WRITE, _resume, "Have it fire again, from now on"),
        gives={200: ScheduleShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/run", Scope.RUN, _run, "Start its task now"),
        gives={202: Started},
        problems=_UNKNOWN,
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a schedule, and when it fires next"),
        gives={200: ScheduleShown},
        problems=_UNKNOWN,
    ),
)
