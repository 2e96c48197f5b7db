"""What a notice of alerts says: as JSON for programs, as a title and a text for people. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from hub.alert.decide import is_reminder
from hub.model.alert import Alert, Phase, Severity, Standing
from hub.model.condition import CONDITIONS, Condition, lasting_us
from hub.model.delivery import is_side
from hub.model.json import Json
from hub.model.time import US_PER_S, to_iso

FIRED = "alert.firing"
OVER = "alert.resolved"
MOST_TOLD = 50
"""A notice holds no more alerts; it says how many it leaves out."""
_LONGEST_TITLE = 200
_OF_A_BARE_ADDRESS = "/v1/deliveries?destination={name}"


def notice_of(
    standings: Sequence[Standing],
    rules: Mapping[str, Alert],
    *,
    root: str,
    now: int,
    **more: Json,
) -> dict[str, Json]:
    """``{event, timestamp, severity, subject, text, alerts, left_out}`` of alerts of one phase.

    ``subject`` and ``text`` are for people, as an e-mail has them. ``root`` is the hub's URL,
    ``now`` is in microseconds; ``more`` goes in as it is.
    """
    chosen = sorted(standings, key=_weight)[:MOST_TOLD]
    alerts = [alert_of(each, rules.get(each.rule), root=root, now=now) for each in chosen]
    is_over = chosen[0].phase is Phase.RESOLVED
    severity = chosen[0].severity
    title = _title(alerts, len(standings), "resolved" if is_over else severity)
    left = len(standings) - len(chosen)
    told: dict[str, Json] = {
        "event": OVER if is_over else FIRED,
        "timestamp": to_iso(now),
        "severity": severity,
        "subject": title,
        "text": _text(alerts, left),
        "alerts": alerts,
        "left_out": left,
    }
    return told | more


def _weight(standing: Standing) -> tuple[bool, int, str, str]:
    """The worst first, then what has lasted the longest."""
    since = standing.fired_at or standing.since
    return standing.severity != Severity.CRITICAL, since, standing.rule, standing.subject


def alert_of(standing: Standing, rule: Alert | None, *, root: str, now: int) -> dict[str, Json]:
    """One alert, as notices and the API show it; the rule may be gone."""
    condition = CONDITIONS[standing.when]
    window_s = condition.window_s if rule is None else rule.over_s
    began = standing.fired_at or standing.since
    told: dict[str, Json] = {
        "rule": standing.rule,
        "when": standing.when,
        "severity": standing.severity,
        "state": standing.phase.value,
        "of": _of(condition, standing.subject),
        "value": round(standing.value, 4),
        "threshold": None if rule is None else rule.limit,
        "since": to_iso(began),
        "message": condition.message(standing.subject, standing.value, window_s),
        "do": _advice(condition, rule, standing.subject),
        "url": root + _path(condition, standing.subject),
        "reminder": is_reminder(standing),
    }
    if standing.phase is Phase.RESOLVED:
        told |= {
            "ended": to_iso(standing.since),
            "lasted_s": round((standing.since - began) / US_PER_S, 3),
            "message": f"Over after {lasting_us(standing.since - began)}: {told['message']}",
        }
    elif is_reminder(standing):
        told["message"] = f"For {lasting_us(now - began)} now: {told['message']}"
    return told


def _of(condition: Condition, subject: str) -> Json:
    """What it is about; of the hub itself only what tells alerts apart, if anything."""
    if condition.about is not None:
        return {condition.about: subject}
    return {"part": subject} if subject else None


def _advice(condition: Condition, rule: Alert | None, subject: str) -> str:
    if rule is not None and rule.hint is not None:
        return rule.hint
    return condition.do.format(name=subject)


def _path(condition: Condition, subject: str) -> str:
    is_bare = condition.about == "destination" and is_side(subject)
    path = _OF_A_BARE_ADDRESS if is_bare else condition.looks_at
    return path.format(name=quote(subject, safe="/"))


def _title(alerts: Sequence[Mapping[str, Json]], count: int, mark: str) -> str:
    if count == 1:
        said = str(alerts[0]["message"])
    else:
        rules = dict.fromkeys(str(each["rule"]) for each in alerts)
        said = f"{count} alerts: {', '.join(rules)}"
    title = f"[{mark}] {said}"
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def _text(alerts: Iterable[Mapping[str, Json]], left: int) -> str:
    lines: list[str] = []
    for each in alerts:
        lines.append(str(each["message"]))
        if each["state"] == Phase.FIRING.value:
            lines.append(f"  {each['do']}")
        lines.append(f"  {each['url']}")
    if left:
        lines.append(f"And {left} more.")
    return "\n".join(lines)
