"""Whether a process of the hub in this container lives: exits with 0 or 1.

``python -I -S health.py [URL]``: the file ``HUB_ALIVE_FILE`` was touched lately, and the URL, if
one is given, answers 200. It imports nothing that takes long: it runs every few seconds.
"""

import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_LATELY_S = 20.0
_ANSWER_S = 3.0


def main(arguments: list[str]) -> int:
    """0 where all is well."""
    alive = os.environ.get("HUB_ALIVE_FILE")
    try:
        if alive and time.time() - Path(alive).stat().st_mtime > _LATELY_S:
            return _ill(f"{alive} was not touched for {_LATELY_S:g} s")
        for url in arguments:
            host, _, path = url.removeprefix("http://").partition("/")
            connection = HTTPConnection(host, timeout=_ANSWER_S)
            connection.request("GET", f"/{path}")
            status = connection.getresponse().status
            connection.close()
            if status != 200:
                return _ill(f"{url} answers {status}")
    except (OSError, HTTPException) as error:
        return _ill(str(error))
    return 0


def _ill(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
