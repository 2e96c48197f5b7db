"""``/v1/alerts``: what the hub watches of itself, what fires now, and who is told."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field
from starlette.responses import Response

from hub.alert.notice import alert_of
from hub.alert.sample import send_sample
from hub.alert.sending import Speaker
from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.model.alert import BUILT_IN, FIRING, Alert, Phase
from hub.model.json import dumps_text
from hub.model.key import Scope
from hub.model.scheme import Shape
from hub.model.time import US_PER_S, now_us, to_iso
from hub.store.alerts import (
    MUTE_ALERT,
    UNMUTE_ALERT,
    Mute,
    Muting,
    mutes_now,
    standings_now,
)
from hub.store.objects import DROP, DropObject, all_objects
from hub.store.queues import DELIVERIES
from hub.web.api.body import Reason
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.api.named import Around, Doc, Named, check_slug
from hub.web.paging import PAGE
from hub.web.parameters import word
from hub.web.shown.alerts import AlertMuted, AlertShown, AlertTried, StandingShown
from hub.web.shown.base import listed

_PATH = "/v1/alerts"
_STAYS = "alert_built_in"
_HUB = "hub"
"""Who manages those that are built in."""


def _check(around: Around, alert: Alert) -> list[str]:
    known = around.catalog.now.destinations
    warnings = [
        f"There is no destination {slug!r} yet: nothing goes there until then."
        for slug in alert.destinations
        if slug not in known
    ]
    about = alert.pattern if alert.condition.about == "destination" else None
    if alert.destinations == (about,):
        warnings.append(
            "It is told to the destination that it is about: HUB_ALERT_DESTINATIONS is told "
            "instead, if there is another one."
        )
    return warnings


def _name(slug: str) -> str:
    if slug == FIRING:
        raise InvalidError(
            f"No alert is called {FIRING!r}: GET {_PATH}/{FIRING} is what fires now.",
            code="slug_invalid",
        )
    return check_slug(slug)


def _beside(call: Call, slug: str) -> Doc:
    """Who is told, and what counts where nothing is set."""
    rule = call.hub.catalog.now.alerts.get(slug)
    if rule is None:
        return {}
    return {
        "goes_to": list(rule.destinations or call.hub.settings.alert_destinations),
        "counts": {"threshold": rule.limit, "window_s": rule.over_s, "for_s": rule.wait_s},
        "built_in": slug in BUILT_IN,
    }


@dataclass(frozen=True)
class _Alerts(Named[Alert]):
    """As other named objects, but there are some from the beginning."""

    async def get_all(self, call: Call) -> Response:
        page = call.page()
        rows = {slug: _built_in(slug) for slug in BUILT_IN}
        for row in await call.hub.ledger.read(all_objects, kind=self.kind):
            rows[row["slug"]] = row
        mutes = await call.hub.ledger.read(mutes_now)
        slugs, last = page.of_names(rows)
        shown = [self.shown(call, {**rows[slug], "mute": mutes.get(slug)}) for slug in slugs]
        return answer(page.answer(shown, last))

    async def row(self, call: Call) -> Doc:
        slug = call.given("slug")
        try:
            row = await super().row(call)
        except NotFoundError:
            if slug not in BUILT_IN:
                raise
            row = _built_in(slug)
        mutes = await call.hub.ledger.read(mutes_now)
        return {**row, "mute": mutes.get(slug)}

    async def delete(self, call: Call) -> Response:
        slug = call.given("slug")
        gone = await call.hub.ledger.write(DROP, DropObject(self.kind, slug))
        if not gone and slug in BUILT_IN:
            raise ConflictError(
                f"{slug!r} is built in and stays: switch it off with PATCH {_PATH}/{slug} "
                '{"enabled": false}.',
                code=_STAYS,
            )
        if not gone:
            raise missing(self.kind, slug)
        await call.hub.catalog.refresh()
        return nothing()

    def shown(self, call: Call, row: Doc) -> Doc:
        told = super().shown(call, row) | _muted(row["mute"])
        if row["managed_by"] == _HUB:
            told |= {"created_at": None, "updated_at": None}
        return told


def _built_in(slug: str) -> Doc:
    """The row that it would have."""
    body = BUILT_IN[slug].model_dump(mode="json", exclude_unset=True)
    times = {"created_at": 0, "updated_at": 0}
    return {"slug": slug, "body": dumps_text(body), "managed_by": _HUB, **times}


def _muted(mute: Mute | None) -> Doc:
    if mute is None:
        return {"muted_until": None, "muted_reason": None}
    return {"muted_until": to_iso(mute.until), "muted_reason": mute.reason}


ALERTS = _Alerts(
    kind="alert",
    shape=Alert,
    shown_as=AlertShown,
    made=lambda body: None,
    check=_check,
    beside=_beside,
    name=_name,
)


async def _firing(call: Call) -> Response:
    """What fires, or what ``state`` says, by rule and subject."""
    page = call.page()
    state = page.filters.get("state", Phase.FIRING.value)
    hub = call.hub
    found = await hub.ledger.read(standings_now)
    mutes = await hub.ledger.read(mutes_now)
    rules = hub.catalog.now.alerts
    rows = {f"{each.rule} {each.subject}": each for each in found if each.phase.value == state}
    names, last = page.of_names(rows)
    now = now_us()
    items = [
        alert_of(each, rules.get(each.rule), root=call.root, now=now)
        | {
            "told": list(each.told),
            "told_at": None if each.notified_at is None else to_iso(each.notified_at),
        }
        | _muted(mutes.get(each.rule))
        for each in (rows[name] for name in names)
    ]
    return answer(page.answer(items, last))


async def _test(call: Call) -> Response:
    hub = call.hub
    await hub.catalog.refresh()
    speaker = Speaker(hub.catalog, hub.connectors, hub.settings.timezone)
    usual = hub.settings.alert_destinations
    starts = await send_sample(hub.ledger, speaker, call.given("slug"), usual, call.root)
    hub.bell.ring(DELIVERIES)
    told: list[dict[str, Any]] = [
        {
            "id": start.id,
            "destination": start.destination,
            "url": f"{call.root}/v1/deliveries/{start.id}",
        }
        for start in starts
    ]
    return answer({"deliveries": told}, 202)


class MuteFor(Shape):
    """How long, and why."""

    for_s: float = Field(
        3600.0, ge=1, le=30 * 86_400, description="For so long nothing new is told of it."
    )
    reason: Reason | None = None


async def _mute(call: Call) -> Response:
    wish = await call.body(MuteFor)
    slug = await _slug(call)
    muting = Muting(slug, round(wish.for_s * US_PER_S), wish.reason)
    until = await call.hub.ledger.write(MUTE_ALERT, muting)
    return answer({"slug": slug, **_muted(Mute(until, wish.reason))})


async def _unmute(call: Call) -> Response:
    slug = await _slug(call)
    await call.hub.ledger.write(UNMUTE_ALERT, slug)
    return answer({"slug": slug, **_muted(None)})


async def _slug(call: Call) -> str:
    slug: str = (await ALERTS.row(call))["slug"]
    return slug


def _operations() -> Iterator[Operation]:
    one = f"{_PATH}/{{slug}}"
    unknown = {404: ("alert_unknown",)}
    yield Operation(
        *("GET", f"{_PATH}/{FIRING}", Scope.READ, _firing, "See which alerts fire now"),
        query=(word("state", f"`{Phase.FIRING.value}` unless told.", tuple(Phase)), *PAGE),
        gives={200: listed(StandingShown)},
        name="list_firing_alerts",
    )
    for each in ALERTS.operations():
        if each.method == "DELETE":
            each = replace(each, problems={**each.problems, 409: (*each.problems[409], _STAYS)})
        if each.method == "PATCH":  # the first change of one that is built in
            each = replace(each, gives={**each.gives, 201: each.gives[200]})
        yield each
    yield Operation(
        *("POST", f"{one}/test", Scope.WRITE, _test, "Send a sample to whom it tells"),
        gives={202: AlertTried},
        problems={**unknown, 409: ("alert_unheard",)},
    )
    yield Operation(
        *("POST", f"{one}/mute", Scope.WRITE, _mute, "Tell nothing new of it", MuteFor),
        optional=True,
        gives={200: AlertMuted},
        problems=unknown,
    )
    yield Operation(
        *("POST", f"{one}/unmute", Scope.WRITE, _unmute, "Tell of it again"),
        gives={200: AlertMuted},
        problems=unknown,
    )


OPERATIONS = tuple(_operations())
