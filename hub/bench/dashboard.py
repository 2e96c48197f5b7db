"""The dashboard: how long its pages take over a million events and deliveries."""

import asyncio
import http.client
import time
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from hub.bench.ledgers import Ledger
from hub.bench.past import Rows, fill, rows_of
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import TRIVIAL, Subject, hub
from hub.dashboard.pages import PAGES
from hub.model.time import US_PER_S, now_us

_BODY = b'{"id": "0", "customer": "Ada"}'
_SPAN_US = 7 * 86_400 * US_PER_S
_ONE_IN = 100
"""So many went well for each that did not."""
SEARCHES = (
    *("/dashboard/events?source=bench", "/dashboard/events?fate=dead"),
    *("/dashboard/events?fate=rejected", "/dashboard/events?source=bench&fate=rejected"),
    *("/dashboard/runs?status=failed", "/dashboard/runs?task=bench%2Fbench"),
    *("/dashboard/deliveries?status=dead", "/dashboard/deliveries?destination=bench"),
    "/dashboard/deliveries?destination=bench&status=dead",
)
"""Ways to look for what there is most of."""
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Pages:
    """The first answer of each page that needs no id, of searches, and of single things."""

    name: str = "pages"
    count: int = 1_000_000
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """The slowest first answer, and each page's own, the slowest first."""
        with hub(scene, worker=True) as subject:
            subject.set_up(TRIVIAL)
            asyncio.run(_fill(subject, scene, self.count))
            took_ms, faults = _looked_at(subject, _paths(subject))
        slowest = sorted(took_ms.items(), key=lambda each: -each[1])
        return Measured(
            (
                Figure("slowest first answer", slowest[0][1], "ms"),
                *(Figure(path, each_ms, "ms") for path, each_ms in slowest),
            ),
            tuple(faults),
        )


def _paths(subject: Subject) -> list[str]:
    plain = sorted({each.path for each in PAGES if each.method == "GET" and "{" not in each.path})
    ones = [
        f"/dashboard/{noun}/{subject.api.get(f'/v1/{noun}?limit=1')['items'][0]['id']}"
        for noun in ("events", "runs", "deliveries")
    ]
    return [*plain, *SEARCHES, *ones]


def _looked_at(subject: Subject, paths: list[str]) -> tuple[dict[str, float], list[str]]:
    took_ms: dict[str, float] = {}
    faults: list[str] = []
    server = http.client.HTTPConnection("127.0.0.1", subject.api.port, timeout=_PATIENCE_S)
    fields = {"content-type": "application/x-www-form-urlencoded"}
    server.request("POST", "/login", urlencode({"key": subject.api.key}), fields)
    entered = server.getresponse()
    entered.read()
    cookie = entered.headers["set-cookie"].partition(";")[0]
    for path in paths:
        began = time.perf_counter()
        server.request("GET", path, headers={"cookie": cookie})
        answer = server.getresponse()
        answer.read()
        took_ms[path] = (time.perf_counter() - began) * 1000
        if answer.status != HTTPStatus.OK:
            faults.append(f"{path} was answered with {answer.status}")
    server.close()
    return took_ms, faults


async def _fill(subject: Subject, scene: Scene, count: int) -> None:
    since = now_us() - _SPAN_US

    def rows(number: int) -> Rows:
        made = rows_of(number, since + number * _SPAN_US // count, _BODY)
        del made["journal"]
        event, run, delivery = made["events"], made["runs"], made["deliveries"]
        event["source"] = "bench" if number % 2 else f"other-{number % 50}"
        delivery["destination"] = event["source"]
        if number % _ONE_IN == 0:
            run["status"], run["failure"] = "failed", '{"code":"bench","message":"It failed."}'
            delivery["status"], delivery["reason"] = "dead", "It was refused."
            made["attempts"] |= {"outcome": "refused", "status_code": 400}
        if number % _ONE_IN == 1:
            event["fate"], event["reason"] = "rejected", "signature_wrong"
        return made

    await fill(subject.database_url, scene.folder / "data", count, rows)
