"""``/v1/purges``: events removed now, with all that came of them: by source, time, or person."""

from dataclasses import replace
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from starlette.responses import Response

from hub.model.filter import parse_filter
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.purge import Purge, PurgeStatus, Wanted
from hub.model.time import to_iso
from hub.retention.purging import Purger
from hub.store.lookup import LAST
from hub.store.purges import purges_page
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer
from hub.web.api.times import Time, us_of
from hub.web.paging import PAGE
from hub.web.shown.base import listed
from hub.web.shown.purges import PurgeAnswered, PurgeShown, PurgeStarted

_WAIT_S = 10.0
_Text: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")
]
By: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^(path|key|header:[A-Za-z0-9_-]{1,100}|body:[^\s\x00]{1,200})$"),
]


class PurgeFilter(Body):
    """Which events are meant: those for which all of it holds."""

    source: _Text | None = Field(None, description="The source's slug; it need not exist any more.")
    since: Time | None = Field(None, description="Received at this time or later, in ISO 8601.")
    until: Time | None = Field(None, description="Received before this time.")
    by: By | None = Field(
        None,
        description="Where `value` stands: `body:customer.email`, `header:x-user`, `path`, or "
        "`key`: the source's dedup key.",
    )
    value: _Text | None = Field(None, description="What has to stand there, as text.")

    @model_validator(mode="after")
    def _goes_together(self) -> "PurgeFilter":
        if (self.by is None) != (self.value is None):
            raise ValueError("'by' and 'value' go together: where it stands, and what")
        if self.by == "key" and self.source is None:
            raise ValueError("A dedup key is one source's: name the 'source' as well")
        if self.since and self.until and us_of(self.since) >= us_of(self.until):
            raise ValueError("'since' must be before 'until'")
        return self


class Purges(Body):
    """What is removed."""

    filter: PurgeFilter
    tables: dict[_Text, _Text] = Field(
        default_factory=dict,
        max_length=50,
        description="Records go too: names of tables, and of the field of each that holds `value`.",
    )
    dry_run: bool = Field(False, description="Say what would be removed, and remove nothing.")

    @model_validator(mode="after")
    def _not_all(self) -> "Purges":
        if self.filter == PurgeFilter():
            raise ValueError(
                "Say in 'filter' which events are meant: "
                '{"filter": {"by": "body:customer.email", "value": "ada@example.com"}}, '
                "or a source, or a time"
            )
        if self.tables and self.filter.value is None:
            raise ValueError("'tables' needs a 'value' in 'filter'")
        for name in self.tables.values():
            parse_filter({name: self.filter.value})
        return self

    def wanted(self) -> Wanted:
        """As it is carried out."""
        return replace(wanted_of(self.filter), tables=tuple(sorted(self.tables.items())))


def wanted_of(given: PurgeFilter) -> Wanted:
    """Which events a filter means."""
    return Wanted(
        source=given.source,
        since=None if given.since is None else us_of(given.since),
        until=None if given.until is None else us_of(given.until),
        by=given.by,
        value=given.value,
    )


async def _purge(call: Call) -> Response:
    wish = await call.body(Purges)
    purger = Purger(call.hub.ledger)
    if wish.dry_run:
        plan = await purger.plan(wish.wanted(), _WAIT_S)
        told = {"events": plan.events, "runs": plan.runs, "complete": plan.complete}
        return answer({"dry_run": True, **told})
    purge = await purger.work(await purger.start(wish.wanted()), _WAIT_S)
    url = f"{call.root}/v1/purges/{purge.id}"
    status = 200 if purge.status is PurgeStatus.DONE else 202
    return answer(shown(purge) | {"url": url}, status, {"location": url})


async def _get(call: Call) -> Response:
    purge_id = call.id("pur", "purge")
    return answer(shown(await Purger(call.hub.ledger).find(purge_id)))


async def _get_all(call: Call) -> Response:
    page = call.page()
    found = await call.hub.ledger.read(purges_page, before=page.after(LAST), most=page.limit + 1)
    last = found[page.limit - 1].id if len(found) > page.limit else None
    return answer(page.answer([shown(each) for each in found[: page.limit]], last))


def shown(purge: Purge) -> dict[str, Json]:
    """A purge for people. The value that was looked for is told while it is running alone."""
    wanted = purge.wanted
    return {
        "id": purge.id,
        "status": purge.status.value,
        "filter": {
            "source": wanted.source,
            "since": None if wanted.since is None else to_iso(wanted.since),
            "until": None if wanted.until is None else to_iso(wanted.until),
            "by": wanted.by,
            "value": wanted.value,
        },
        "tables": dict(wanted.tables),
        "matched": purge.matched,
        "left": purge.left,
        "removed": {name: count for name, count in purge.counts.items() if name != "of_runs"},
        "created_at": to_iso(purge.created_at),
        "finished_at": None if purge.finished_at is None else to_iso(purge.finished_at),
    }


OPERATIONS = (
    Operation(
        "POST",
        "/v1/purges",
        Scope.ADMIN,
        _purge,
        "Remove events for good, with all that came of them",
        Purges,
        gives={200: PurgeAnswered, 202: PurgeStarted},
        problems={400: ("filter_invalid",)},
        name="purge_events",
    ),
    Operation(
        *("GET", "/v1/purges", Scope.READ, _get_all, "List purges, the newest first"),
        query=PAGE,
        gives={200: listed(PurgeShown)},
    ),
    Operation(
        *("GET", "/v1/purges/{id}", Scope.READ, _get, "See how far a purge has come"),
        gives={200: PurgeShown},
        problems={404: ("purge_unknown",)},
    ),
)
