"""The first page: what came in, what ran, what went out, what waits, and what is wrong."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.datasets.charts import columns
from hub.errors import StoreError
from hub.printing import counted

_MINUTES = 60
_SCHEDULES, _SHOWN = 200, 5


@dataclass(frozen=True, slots=True)
class Flow:
    """How much there was of something in the last hour, and how much of it went wrong."""

    title: str
    path: str
    good: int
    good_word: str
    bad: int
    bad_word: str
    bad_path: str
    chart: Markup
    most: int
    """In one minute."""


async def _show(view: View) -> Response:
    status = await view.ask("GET", "/v1/status")
    rates = await _rates(view)
    firing = await view.ask("GET", "/v1/alerts/firing", query={"limit": _SHOWN})
    return view.page(
        "overview.html",
        status=status,
        flows=None if rates is None else flows_of(rates),
        schedules=await _schedules(view),
        firing=firing["items"],
        is_new=not view.hub.catalog.now.sources and not any(status["events"].values()),
    )


async def _rates(view: View) -> list[dict[str, Any]] | None:
    """None while Redis does not answer."""
    with suppress(StoreError):
        found = await view.ask("GET", "/v1/rates", query={"minutes": _MINUTES})
        items: list[dict[str, Any]] = found["items"]
        return items
    return None


async def _schedules(view: View) -> list[dict[str, Any]]:
    """Those that fire next."""
    found = await view.desk.listed("/v1/schedules", _SCHEDULES)
    coming: list[dict[str, Any]] = [each for each in found if each["next"] and not each["paused"]]
    return sorted(coming, key=lambda each: str(each["next"][0]))[:_SHOWN]


def flows_of(rates: Sequence[dict[str, Any]]) -> list[Flow]:
    """What came, ran and went, by the minutes of ``GET /v1/rates``."""
    return [
        _flow(rates, "Came in", "events", ("received", "rejected"), "?fate=rejected"),
        _flow(rates, "Ran", "runs", ("succeeded", "failed"), "?status=failed"),
        _flow(rates, "Went out", "deliveries", ("delivered", "dead"), "?status=dead"),
    ]


def _flow(
    rates: Sequence[dict[str, Any]], title: str, noun: str, words: tuple[str, str], bad: str
) -> Flow:
    counts = [each[words[0]] + each[words[1]] for each in rates]
    good, wrong = (sum(each[word] for each in rates) for word in words)
    path = f"/dashboard/{noun}"
    came = counted(good + wrong, noun)
    said = f"{title} by the minute: {came} in the last hour, {wrong:,} {words[1]}"
    drawn = columns(counts, [each["at"][11:16] for each in rates], said)
    return Flow(
        title=title,
        path=path,
        good=good,
        good_word=words[0],
        bad=wrong,
        bad_word=words[1],
        bad_path=path + bad,
        chart=Markup(drawn),  # noqa: S704 - numbers and times
        most=max(counts, default=0),
    )


PAGES = (Page("GET", "/", _show),)
