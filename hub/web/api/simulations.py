"""``/v1/simulations``: a stack in a hub that is thrown away, under a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import Field
from starlette.responses import Response

from hub.errors import InvalidError, LimitError
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import US_PER_S, from_iso, now_us
from hub.receive.replay import Replay
from hub.simulate.answers import StubSender, parse_answers
from hub.simulate.preview import Preview
from hub.simulate.report import as_json
from hub.simulate.simulation import Clock, Wanted, simulation
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer
from hub.web.shown.work import SimulationShown

MAX_SPAN_S = 366 * 86_400
_LONGEST_S = 20.0
_MOST_AT_ONCE = 2
_NAME = "draft"


class SimulationWish(Body):
    """What is to be simulated."""

    stack: str = Field(description="The document's text.")
    name: str = Field(_NAME, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$", description="Its name.")
    task: str | None = Field(None, description="What is started; null: what its schedules start.")
    input: dict[str, Any] = Field({}, description="The input.")
    auth: dict[str, Any] | None = Field(None, description="What `auth` is.")
    tables: dict[str, list[dict[str, Any]]] = Field({}, description="Records to begin with.")
    variables: dict[str, str] = Field({}, description="Values for env.NAME.")
    secrets: dict[str, str] = Field({}, description="The same for secret variables.")
    answers: dict[str, Any] = Field({}, description="What is answered, by the beginning of a URL.")
    span_s: float = Field(0, ge=0, le=MAX_SPAN_S, description="How long it is followed.")
    at: str | None = Field(None, description="When it begins; null: now.")
    timezone: str = Field("UTC", description="The hub's time zone.")


_slots = asyncio.Semaphore(_MOST_AT_ONCE)


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """What simulates inside the block waits for its turn, and may not take long.

    Raises:
        LimitError: ``limit_time``.
    """
    try:
        async with asyncio.timeout(_LONGEST_S), _slots:
            yield
    except TimeoutError:
        raise LimitError(
            f"The simulation took longer than {_LONGEST_S:g} s: follow it for a shorter time.",
            code="limit_time",
        ) from None


async def previewed(call: Call, replay: Replay) -> dict[str, Json]:
    """See :meth:`hub.simulate.preview.Preview.of`."""
    hub = call.hub
    preview = Preview(hub.ledger, hub.catalog, hub.connectors, hub.settings.timezone)
    async with _bounded():
        return await preview.of(replay)


async def _simulate(call: Call) -> Response:
    wish = await call.body(SimulationWish)
    clock = Clock(_moment(wish.at))
    sender = StubSender(parse_answers(wish.answers), clock.pass_time)
    wanted = Wanted(
        stacks={wish.name: wish.stack},
        task=wish.task,
        input=wish.input,
        context={} if wish.auth is None else {"auth": wish.auth},
        tables=wish.tables,
        variables=wish.variables,
        secrets=wish.secrets,
        span_us=int(wish.span_s * US_PER_S),
        timezone=wish.timezone,
    )
    async with _bounded(), simulation(wanted, sender, call.hub.connectors, clock) as made:
        await made.run()
        return answer(await as_json(made))


def _moment(text: str | None) -> int:
    if text is None:
        return now_us()
    try:
        return from_iso(text)
    except ValueError:
        raise InvalidError(
            f"{text[:60]!r} is no date: write it as 2026-01-31T12:00:00Z.", code="validation"
        ) from None


OPERATIONS = (
    Operation(
        "POST",
        "/v1/simulations",
        Scope.WRITE,
        _simulate,
        "Run a stack in a hub that is thrown away",
        SimulationWish,
        gives={200: SimulationShown},
        problems={
            400: ("answers_invalid", "record_invalid", "table_invalid", "task_ambiguous"),
            404: ("task_unknown",),
            409: ("endpoint_taken", "declared_elsewhere", "not_unique"),
            422: ("document_broken", "stack_invalid", "limit_time", "limit_runs"),
        },
        name="simulate",
        unaudited="What it runs in is thrown away.",
    ),
)
