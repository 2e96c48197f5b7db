"""Answers of runs, for those who wait for them: callers of endpoints, senders to sources."""

import asyncio
from typing import Any

from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import HubError, StepError
from hub.model.answer import SAFE_FIELDS, Answer, rendered
from hub.model.event import Receipt
from hub.model.json import dumps, loads
from hub.model.run import RunStart
from hub.run.runner import Runner
from hub.store.runs import find_run
from hub.web.problems import problem

_ENDED = ("succeeded", "failed", "cancelled")
_FIRST_LOOK_S, _LOOK_S = 0.02, 0.25
_SAFE = dict(SAFE_FIELDS)
_THROWN = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "not_unique": 409,
    "input_invalid": 422,
    "signature_missing": 401,
    "signature_wrong": 401,
    "timestamp_missing": 401,
    "timestamp_stale": 401,
    "timestamp_future": 401,
    "too_many_requests": 429,
}
"""Codes of failures that are the caller's, as steps and stacks raise them."""


class RunAnswers:
    """Waits for what runs answer; what takes too long is answered with the run's URL."""

    def __init__(self, hub: Hub, runner: Runner) -> None:
        self._hub = hub
        self._runner = runner

    async def of_new(self, start: RunStart, wait_s: float) -> Response:
        """Begin a run here, and give its answer."""
        waiting = self._runner.answers.expect(start.id)
        try:
            run_id, work = await self._runner.begin(start)
            return await self._within(wait_s, run_id, waiting, work)
        finally:
            waiting.cancel()

    async def of_event(self, receipt: Receipt, wait_s: float) -> Response:
        """The answer of an event's run; a duplicate's is that of the first."""
        run_id = receipt.run_id or ""
        waiting = self._runner.answers.expect(run_id)
        try:
            response = await self._within(wait_s, run_id, waiting, None)
        finally:
            waiting.cancel()
        response.headers["webhook-id"] = receipt.event_id
        return response

    async def _within(
        self,
        wait_s: float,
        run_id: str,
        waiting: "asyncio.Future[Answer]",
        work: "asyncio.Task[None] | None",
    ) -> Response:
        try:
            async with asyncio.timeout(wait_s):
                if work is not None:  # it answers here, or is over
                    either: set[asyncio.Future[Any]] = {waiting, work}
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                pause_s = _FIRST_LOOK_S
                while not waiting.done():
                    known = await self._look(run_id)
                    if known is not None:
                        return known
                    await asyncio.wait([waiting], timeout=pause_s)
                    pause_s = min(2 * pause_s, _LOOK_S)
        except TimeoutError:
            return self._too_late(run_id)
        return _response(waiting.result(), run_id)

    def _too_late(self, run_id: str) -> Response:
        url = f"{self._hub.settings.root}/v1/runs/{run_id}"
        told = {"status": "running", "run_id": run_id, "url": url}
        headers = {**_SAFE, "location": url, "hub-run": run_id}
        return Response(dumps(told), 202, headers, "application/json")

    async def _look(self, run_id: str) -> Response | None:
        """The answer of a run that is carried out elsewhere, or has ended without one."""
        row = await self._hub.ledger.read(find_run, run_id)
        if row is None:
            raise StepError("The run is gone.", code="run_gone")
        if row["answer"] is not None:
            status, headers = loads(row["answer"])
            pairs = tuple((name, value) for name, value in headers)
            return _response(Answer(row["result"], status, pairs), run_id)
        return _ended(row, run_id) if row["status"] in _ENDED else None


def _response(answer: Answer, run_id: str) -> Response:
    out = rendered(answer)
    return Response(out.body, out.status, {**out.headers, "hub-run": run_id}, out.content_type)


def _ended(row: dict[str, Any], run_id: str) -> Response:
    """What a run without an answer is told as."""
    if row["status"] == "succeeded":
        told = {"status": "succeeded", "run_id": run_id}
        return Response(dumps(told), 200, {**_SAFE, "hub-run": run_id}, "application/json")
    failure = loads(row["failure"]) if row["failure"] else {"code": "cancelled", "message": "…"}
    error = HubError(failure["message"], code=failure["code"], run_id=run_id)
    return problem(error, status=_THROWN.get(failure["code"], 500))
