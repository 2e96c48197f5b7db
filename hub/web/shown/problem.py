"""Problems, as they are answered."""

from pydantic import ConfigDict, Field

from hub.web.shown.base import Shown
from hub.web.shown.stacks import ProblemShown


class FaultyLine(Shown):
    """What is wrong in a line of a file of rows."""

    line: int
    message: str


class ProblemAnswer(Shown):
    """What went wrong, after RFC 9457; some problems have more fields."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = Field(description="The same as `message`.")
    instance: str = Field("", description="The path that was asked for.")
    code: str = Field(description="What happened, for programs.")
    message: str = Field(description="What happened and what to do next, for people.")
    problems: list[ProblemShown | FaultyLine] = Field(
        [], description="Of a document, a body or a file of rows: where."
    )
