"""Rotation: a secret is replaced, and those of before count beside it for a while."""

from datetime import UTC, datetime, timedelta

from pydantic import Field

from hub.model.masking import same_kind
from hub.model.scheme import Retired
from hub.web.api.body import Body
from hub.web.api.named import Doc

DAY_S = 86_400
RETIRED = "retired"
"""The field of an object that holds its secrets of before."""
_MOST_RETIRED = 10


class Rotation(Body):
    """How a secret is replaced."""

    secret: str | None = Field(
        None, min_length=1, max_length=1000, description="The new one; without it the hub makes it."
    )
    overlap_s: int = Field(
        DAY_S, ge=0, le=30 * DAY_S, description="How long those of before count as well."
    )


def rotated(body: Doc, place: str, retired: Retired | None, secret: str, overlap_s: int) -> Doc:
    """A body with one new secret at ``place``, and those of before retired for ``overlap_s``."""
    now = datetime.now(UTC)
    before = [*body[place]["secrets"]]
    if retired is not None and now < retired.until:
        before += retired.secrets
    until = (now + timedelta(seconds=overlap_s)).isoformat()
    kept = {"secrets": before[:_MOST_RETIRED], "until": until} if overlap_s else None
    return {**body, place: {**body[place], "secrets": [secret]}, RETIRED: kept}


def same_way(place: str, given: Doc, before: Doc) -> bool:
    """Whether secrets at ``place`` are used as they were before."""
    now, then = given.get(place), before.get(place)
    return isinstance(now, dict) and isinstance(then, dict) and same_kind(now, then)


def stays_retired(place: str, given: Doc, before: Doc) -> Doc:
    """The retired secrets of before, while those at ``place`` are used in the same way."""
    if RETIRED not in before or not same_way(place, given, before):
        return {}
    return {RETIRED: before[RETIRED]}
