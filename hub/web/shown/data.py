"""Tables, records and files, as they are read."""

from typing import Any

from pydantic import Field, RootModel

from hub.model.table import TableSpec
from hub.web.shown.base import EventId, FileId, Moment, RunId, Shown


class TableShown(Shown, TableSpec):
    """A table."""

    name: str
    records: int = Field(description="So many it holds; they are counted no further than 10,000.")
    managed_by: str | None = Field(description="Who declared it: api, stack:NAME, or nobody.")


class RecordShown(Shown):
    """A record."""

    id: int
    created_at: Moment
    updated_at: Moment
    fields: dict[str, Any]


class RecordsAdded(Shown):
    """The records that were added, in the order in which they were given."""

    items: list[RecordShown]


class RecordAdded(RootModel[RecordShown | RecordsAdded]):
    """The record that was added, or all of them where a list was given."""


class ExportedFile(Shown):
    """A file for `hub apply`."""

    path: str
    text: str


class ExportShown(Shown):
    """All that is set."""

    files: list[ExportedFile]
    secrets: list[str] = Field(description="Variables of the environment that stand for secrets.")


class FileShown(Shown):
    """A file."""

    id: FileId
    name: str
    content_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    created_at: Moment
    expires_at: Moment
    run_id: RunId | None
    event_id: EventId | None
    url: str


class FileUrl(Shown):
    """An address of a file, for whoever has no key."""

    url: str
    expires_at: Moment
