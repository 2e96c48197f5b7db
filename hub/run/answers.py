"""Answers of endpoints' runs, for the callers that wait for them in this process."""

import asyncio

from hub.model.answer import Answer


class Answers:
    """Who waits for which run."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[Answer]]] = {}

    def expect(self, run_id: str) -> "asyncio.Future[Answer]":
        """What will hold the run's answer, if it answers in this process."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, []).append(future)
        future.add_done_callback(lambda done: self._forget(run_id, done))
        return future

    def _forget(self, run_id: str, done: "asyncio.Future[Answer]") -> None:
        left = self._waiting[run_id]
        left.remove(done)
        if not left:
            del self._waiting[run_id]

    def give(self, run_id: str, answer: Answer) -> None:
        """The run has answered."""
        for future in self._waiting.get(run_id, ()):
            if not future.done():
                future.set_result(answer)
