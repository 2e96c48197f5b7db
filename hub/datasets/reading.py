"""Reading: how a data set is to be read, as people write it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from hub.model.scheme import Shape

Format: TypeAlias = Literal["csv", "jsonl", "json", "parquet"]
Encoding: TypeAlias = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]


class Reading(Shape):
    """What is not set is found out from the data set itself."""

    delimiter: Annotated[str, StringConstraints(pattern=r'^[^\w."\r\n]$')] | None = Field(
        None, description="Between the fields of CSV: one character, as in `;`."
    )
    columns: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names for the fields of CSV that has no header row."
    )
    encoding: Encoding | None = Field(None, description="Of the text of CSV.")
    on_bad_row: Literal["skip", "fail"] = Field(
        "skip", description="Whether a row that cannot be used is left out, or ends the reading."
    )
    path: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="Where in a JSON object the array of rows stands, as in `data.items`.",
    )
