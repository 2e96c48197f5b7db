"""Answers of endpoints' runs, for the callers that wait for them in this process."""

import asyncio

from hub.model.run import Answer


class Answers:
    """Who waits for which run."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    def expect(self, run_id: str) -> "asyncio.Future[Answer]":
        """What will hold the run's answer, if it answers in this process."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[run_id] = future
        future.add_done_callback(lambda _: self._waiting.pop(run_id, None))
        return future

    def give(self, run_id: str, answer: Answer) -> None:
        """The run has answered."""
        future = self._waiting.get(run_id)
        if future is not None and not future.done():
            future.set_result(answer)
