"""A sample of what a rule would tell, sent to whom it would tell it."""

from hub.alert.aims import Aims
from hub.alert.notice import notice_of
from hub.alert.sending import Speaker
from hub.errors import ConflictError, NotFoundError
from hub.model.alert import Alert, Phase, Standing
from hub.model.delivery import DeliveryStart
from hub.model.ids import new_id
from hub.model.time import now_us
from hub.store.deliveries import START_DELIVERY
from hub.store.ledger import Ledger


async def send_sample(
    ledger: Ledger, speaker: Speaker, slug: str, usual: tuple[str, ...], root: str
) -> list[DeliveryStart]:
    """Queue a notice that says of itself that it is a test; gives its deliveries.

    ``usual`` are the destinations of the settings, ``root`` is the hub's URL.

    Raises:
        NotFoundError: ``alert_unknown``.
        ConflictError: ``alert_unheard``: it would be told to nobody.
    """
    rule = speaker.catalog.now.alerts.get(slug)
    if rule is None:
        raise NotFoundError(f"There is no alert {slug[:200]!r}.", code="alert_unknown")
    now = now_us()
    standing = _sample(slug, rule, now)
    slugs = Aims(speaker.catalog.now.destinations, usual).of(standing, rule)
    if not slugs:
        raise ConflictError(
            "Nobody would be told: name destinations that there are in the rule, or in "
            "HUB_ALERT_DESTINATIONS.",
            code="alert_unheard",
        )
    notice = notice_of([standing], {slug: rule}, root=root, now=now, test=True)
    notice |= {"subject": f"[test] {notice['subject']}"}
    key = new_id("msg")
    starts = [speaker.delivery(each, notice, f"{key}:{each}", now, None) for each in slugs]
    for start in starts:
        await ledger.write(START_DELIVERY, start)
    return starts


def _sample(slug: str, rule: Alert, now: int) -> Standing:
    return Standing(
        rule=slug,
        subject="example" if rule.pattern == "*" else rule.pattern,
        when=rule.when,
        severity=rule.severity.value,
        phase=Phase.FIRING,
        since=now,
        value=1.0 if rule.limit is None else rule.limit,
        fired_at=now,
    )
