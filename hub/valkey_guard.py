"""Runs one program and ends it when the hub is gone, even by ``kill -9``.

Started by path as ``python -I -S valkey_guard.py LOCK_FD GRACE_S PROGRAM …``. Its standard input
is a pipe that the hub holds open: end of file is the sign. It has a session of its own, so that
Ctrl-C reaches only the hub, and it keeps the data folder's lock for as long as the program lives.
"""

import os
import signal
import sys
import threading
import time


def _ignore(*_: object) -> None:
    """A function instead of SIG_IGN, because that one would be handed on to the program."""


def _end_with_hub(pid: int, grace_s: float) -> None:
    while os.read(0, 1):
        pass
    os.kill(pid, signal.SIGTERM)
    time.sleep(grace_s)
    os.kill(pid, signal.SIGKILL)


def main(lock_fd: int, grace_s: float, program: list[str]) -> int:
    """Run it to its end; the answer is its exit code, negative for a signal."""
    os.set_inheritable(lock_fd, False)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _ignore)
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    pid = os.posix_spawn(program[0], program, {}, file_actions=[no_input])
    threading.Thread(target=_end_with_hub, args=(pid, grace_s), daemon=True).start()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
