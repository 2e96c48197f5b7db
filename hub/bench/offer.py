"""Offers the files of a folder, in a process of its own, as fast as the system can send them."""

import sys
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


class _Handler(SimpleHTTPRequestHandler):
    """Sends a file without looking at it."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """To the connection, by the system."""
        self.connection.sendfile(source)


def main(arguments: Sequence[str] | None = None) -> None:
    """Listen on any free port and tell it as a JSON line; runs until it is told to stop."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder))
    sys.stdout.write(orjson.dumps({"port": server.server_port}).decode() + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
