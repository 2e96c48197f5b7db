"""The hub under test: its programs, started as anybody starts them, and set up by its API.

Full durability, signatures, dedup and logs (level info, to a file) are on in every measurement.
"""

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from hub.bench.api import Api
from hub.bench.ledgers import Ledger
from hub.bench.processes import Child, failed, finished, module, running
from hub.bench.scene import Scene
from hub.model.json import Json
from hub.signature import new_secret

DELIVERING = """{
  task: "bench",
  function_stack: [
    {
      function: "deliver",
      destination: "bench",
      payload: {id: "{{input.id}}", customer: "{{input.customer}}", total: "{{input.total}}"},
    },
  ],
}"""
TRIVIAL = """{
  task: "bench",
  function_stack: [{function: "create_variable", name: "id", value: "{{input.id}}"}],
}"""
_READY_S, _POLL_S = 60.0, 0.01
_STARTED = b"worker.started"
_HUB = str(Path(sys.executable).with_name("hub"))


@dataclass(frozen=True, slots=True)
class Subject:
    """A hub that runs, and what is needed to drive it."""

    api: Api
    secret: str
    children: tuple[Child, ...]
    variables: Mapping[str, str]
    """What its programs are set to."""

    def set_up(self, stack: str, sink_port: int | None = None, **more: Json) -> None:
        """A source that takes signed requests for ``stack``, which may deliver to the sink.

        ``more`` is set of the source.
        """
        if sink_port is not None:
            url = f"http://127.0.0.1:{sink_port}/hook"
            self.api.put("/v1/destinations/bench", {"connector": "standard", "url": url})
        self.api.put("/v1/stacks/bench", stack)
        verify = {"mode": "standard", "secrets": [self.secret]}
        source = {"connector": "standard", "verify": verify, "task": "bench", **more}
        self.api.put("/v1/sources/bench", source)

    @property
    def database_url(self) -> str | None:
        """Of PostgreSQL."""
        return self.variables.get("HUB_DATABASE_URL")

    @contextmanager
    def another_worker(self, scene: Scene) -> Iterator[Child]:
        """One more worker until the end of the block, ready."""
        command = scene.profiled("worker2", [_HUB, "worker"])
        with running("worker2", command, scene.folder, self.variables) as child:
            deadline = time.monotonic() + _READY_S
            seen = child.log.stat().st_size
            while _STARTED not in child.log.read_bytes()[seen:]:
                child.check()
                if time.monotonic() > deadline:
                    raise failed(f"A worker was not ready after {_READY_S:g} s: {child.log}")
                time.sleep(_POLL_S)
            yield child

    def wait_empty(self, limit_s: float) -> float:
        """Wait until nothing is left to do; how long that took.

        Raises:
            HubError: ``bench_failed``: it still has work after ``limit_s``, or it has ended.
        """
        start = time.monotonic()
        while not self.api.is_empty():
            self.check()
            if time.monotonic() - start > limit_s:
                raise failed(f"The queue did not return to empty within {limit_s:g} s.")
            time.sleep(0.05)
        return time.monotonic() - start

    def check(self) -> None:
        """See that every program still runs."""
        for child in self.children:
            child.check()


@contextmanager
def hub(
    scene: Scene, *, worker: bool = True, also: Mapping[str, str] | None = None
) -> Iterator[Subject]:
    """A hub with an empty ledger, ready; without ``worker`` it receives, and runs nothing.

    ``also`` are further settings.
    """
    port, key = free_port(), token_hex(24)
    with ExitStack() as stack:
        ledger = stack.enter_context(scene.ledger.open(scene.folder))
        variables = {**settings(scene.folder, port, key), **ledger, **(also or {})}
        if scene.ledger is Ledger.POSTGRESQL:
            finished("hub migrate", [_HUB, "migrate"], variables)
        children = tuple(
            stack.enter_context(
                running(name, scene.profiled(name, command), scene.folder, variables)
            )
            for name, command in _programs(scene.ledger, worker=worker).items()
        )
        subject = Subject(Api(port, key), new_secret(), children, variables)
        wait_ready(subject.api, children)
        yield subject
        subject.check()


def wait_ready(api: Api, children: tuple[Child, ...]) -> None:
    """Wait until ``/readyz`` says so.

    Raises:
        HubError: ``bench_failed``: it ended or took too long, and what it said.
    """
    deadline = time.monotonic() + _READY_S
    while not api.is_ready():
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise failed(f"The hub was not ready after {_READY_S:g} s: {children[0].log}")
        time.sleep(_POLL_S)


def settings(folder: Path, port: int, key: str) -> dict[str, str]:
    """The hub's settings for a measurement."""
    stacks = folder / "stacks"
    stacks.mkdir(exist_ok=True)
    return {
        "HUB_HOST": "127.0.0.1",
        "HUB_PORT": str(port),
        "HUB_DATA": str(folder / "data"),
        "HUB_STACKS": str(stacks),
        "HUB_ADMIN_KEY": key,
        "HUB_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
        "HUB_LOG_LEVEL": "info",
    }


def up() -> list[str]:
    """The command ``hub up``."""
    return [_HUB, "up"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _programs(ledger: Ledger, *, worker: bool) -> Mapping[str, list[str]]:
    if ledger is not Ledger.POSTGRESQL:
        return {"hub": up() if worker else module("embedded_server")}
    serve = {"server": [_HUB, "serve"]}
    return {**serve, "worker": [_HUB, "worker"]} if worker else serve
