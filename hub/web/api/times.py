"""Times in bodies: ISO 8601, checked where they come in."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from hub.model.time import from_iso


def us_of(text: str) -> int:
    """A time in microseconds since the epoch.

    Raises:
        ValueError: the text is no date-time.
    """
    try:
        return max(0, from_iso(text))
    except (ValueError, OverflowError) as error:
        raise ValueError("Give an ISO 8601 date and time, such as 2026-11-23T20:15:00Z") from error


def _check_time(text: str) -> str:
    us_of(text)
    return text


Time: TypeAlias = Annotated[str, AfterValidator(_check_time)]
