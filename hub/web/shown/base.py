"""What the shapes of answers are made of."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from hub.model.ids import pattern_of

Moment: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in ISO 8601, in UTC."""
EventId: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": pattern_of("evt")})
]
RunId: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern_of("run")})]
DeliveryId: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": pattern_of("dlv")})
]
AttemptId: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": pattern_of("att")})
]
FileId: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern_of("fil")})]
PurgeId: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": pattern_of("pur")})
]
KeyId: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern_of("key")})]

UserId: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern_of("usr")})]


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is no JSON of some shape: the types that it may have, and what it is."""

    types: tuple[str, ...]
    about: str
    shape: type[BaseModel] | None = None
    """What it is where it is JSON all the same."""


Given: TypeAlias = "type[BaseModel] | Content | None"
"""A body, of a request or an answer: JSON of a shape, something else, or nothing."""


class Shown(BaseModel):
    """Part of an answer. A field with a default may be missing in it."""

    # only the document asks for their schemas: a start need not make them
    model_config = ConfigDict(frozen=True, defer_build=True)


class Named(Shown):
    """What every object has that people name and set."""

    slug: str = Field(description="Its name.")
    managed_by: Literal["api", "file"] = Field(description="Who sets it: this API, or a file.")
    created_at: Moment
    updated_at: Moment


class Started(Shown):
    """A run that was started, or goes on."""

    id: RunId
    status: str
    url: str = Field(description="Where to read it.")


class Revoked(Shown):
    """That nothing of before counts any more."""

    revoked: Literal[True]


class Counted(Shown):
    """How many it was done to."""

    count: int


class Failed(Shown):
    """Why something failed."""

    code: str
    message: str


@cache
def listed(shape: type[BaseModel]) -> type[BaseModel]:
    """A page of a list of such."""
    name = f"{shape.__name__.removesuffix('Shown')}List"
    following = Field(description="The URL of the next page; null on the last one.")
    items = (list[shape], Field(description="So many at most as `limit` says."))  # type: ignore[valid-type]
    return create_model(
        name, __base__=Shown, __doc__="A page.", items=items, next=(str | None, following)
    )


def also(shape: type[BaseModel], suffix: str, **fields: Any) -> type[BaseModel]:
    """The shape with more fields, under a name of its own."""
    name = f"{shape.__name__.removesuffix('Shown')}{suffix}"
    return create_model(name, __base__=shape, __doc__=shape.__doc__, **fields)
