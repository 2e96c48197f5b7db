"""What has to be true of a new record before it is kept."""

from collections.abc import Mapping

from hub.errors import InvalidError
from hub.model.json import Json
from hub.model.record import check_text
from hub.model.table import TableSpec
from hub.model.time import from_iso, to_iso


def new_doc(fields: Mapping[str, Json], spec: TableSpec, now: int) -> tuple[dict[str, Json], int]:
    """A new record's document, and its ``created_at``: one that is given is kept.

    ``updated_at`` is the hub's, whatever is given.

    Raises:
        InvalidError: ``record_invalid``, with ``faults`` by field; ``json_unfit``,
            ``json_too_deep``.
    """
    doc = dict(fields)
    doc.pop("updated_at", None)
    faults = {}
    if "id" in doc:
        del doc["id"]
        faults["id"] = "'id' is given by the hub: leave it out."
    created_at = _moment(doc.pop("created_at", None), now)
    if created_at is None:
        faults["created_at"] = "'created_at' must be an ISO 8601 date and time."
    doc = spec.complete(doc)
    faults |= spec.faults(doc)
    if faults or created_at is None:
        raise InvalidError(" ".join(faults.values()), code="record_invalid", faults=faults)
    check_text(doc)
    return doc, created_at


def _moment(value: Json, default: int) -> int | None:
    if value is None:
        return default
    if not isinstance(value, str):
        return None
    try:
        moment = from_iso(value)
        to_iso(moment)  # its offset may take it out of the calendar
    except (ValueError, OverflowError):
        return None
    return moment
