"""Children of the bench: started in a clean environment, ended by their ids, whatever happens."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from hub.errors import HubError

_END_S = 20.0
_TAIL = 600


@dataclass(frozen=True, slots=True)
class Child:
    """A process that runs, and the file that its output goes to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """See that it still runs.

        Raises:
            HubError: ``bench_failed`` with the end of what it said.
        """
        code = self.process.poll()
        if code is not None:
            raise failed(f"{self.name} ended with {code}: {tail(self.log)}")


def failed(message: str) -> HubError:
    """Why a measurement could not be made."""
    return HubError(message, code="bench_failed")


def tail(log: Path) -> str:
    """The end of what a process said."""
    return log.read_text(errors="replace").strip()[-_TAIL:] or "it said nothing"


def module(name: str, *arguments: str) -> list[str]:
    """The command for a program of this package."""
    return [sys.executable, "-m", f"hub.bench.{name}", *arguments]


@contextmanager
def running(
    name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """A child until the end of the block; then SIGTERM, and SIGKILL if that does not end it."""
    log = folder / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  # commands of this package's own making
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(variables)
        )
    try:
        yield Child(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def listening(name: str, command: Sequence[str], folder: Path) -> Iterator[int]:
    """A child that tells its port as a JSON line, and that port."""
    with running(name, command, folder) as child:
        deadline = time.monotonic() + _END_S
        while not child.log.read_bytes().endswith(b"}\n"):
            child.check()
            if time.monotonic() > deadline:
                raise failed(f"{name} did not tell its port: {tail(child.log)}")
            time.sleep(0.01)
        yield int(orjson.loads(child.log.read_bytes())["port"])


def finished(
    name: str, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> bytes:
    """Run a command to its end; what it printed.

    Raises:
        HubError: ``bench_failed`` with what it said.
    """
    done = subprocess.run(  # noqa: S603  # commands of this package's own making
        command, stdin=subprocess.DEVNULL, capture_output=True, env=environment(variables)
    )
    if done.returncode != 0:
        raise failed(f"{name} ended with {done.returncode}: {done.stderr[-_TAIL:].decode()}")
    return done.stdout


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Only what is needed, so that no setting of whoever starts the bench changes a figure."""
    folder = tempfile.gettempdir()
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": folder, **(variables or {})}


@contextmanager
def files(count: int) -> Iterator[None]:
    """So many open files for each child that is started in the block.

    Raises:
        HubError: ``bench_failed``: the system does not allow them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise failed(
            f"A process of this case opens {count:,} files, and the system allows {hard:,}. "
            f"Raise the hard limit (`ulimit -Hn {count}` as root, or LimitNOFILE= of the "
            "service), and start it again."
        )
    enough = soft == resource.RLIM_INFINITY or soft >= count
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if enough else count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def family(pid: int) -> list[int]:
    """A process and all that descend from it, from /proc; itself alone where there is none."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def cpu_s(pid: int) -> float:
    """Processor time of a process and its descendants, those that have ended included."""
    ticks = 0
    for each in family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile, and is counted with its parent
            continue
        ticks += sum(map(int, fields[11:15]))  # its own and its ended children's
    return ticks / os.sysconf("SC_CLK_TCK")


def own_mb(pid: int) -> float:
    """Resident memory that a process shares with no other."""
    return float(psutil.Process(pid).memory_full_info().uss) / 1e6


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process and its descendants; None where /proc does not tell."""
    total = 0
    for each in family(pid):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        rss = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        total += int(rss[0]) if rss else 0
    return total * 1024 / 1e6 if total else None
