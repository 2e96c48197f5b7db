"""What the hub is measured against: a bare Starlette endpoint that parses its JSON and answers.

The same server, parser, event loop and address as the hub's; it verifies, records and logs
nothing. It answers as little as the hub does, so that it is not slowed by what it sends back.
"""

import socket
import sys

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.bench.requests import PATH


async def echo(request: Request) -> JSONResponse:
    """The id of the JSON that came."""
    body = await request.json()
    return JSONResponse({"status": "accepted", "id": body["id"]})


app = Starlette(routes=[Route(PATH, echo, methods=["POST"])])


def main() -> None:
    """Listen on any free port and tell it as a JSON line; runs until it is told to stop."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(orjson.dumps({"port": listener.getsockname()[1]}).decode() + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
