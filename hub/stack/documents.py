"""The documents of a stack's text, whichever of the two notations it is written in.

A text that begins with a brace or bracket, after blanks and ``//`` or ``/* */`` comments, is JSON5;
any other is YAML.
"""

import re

from hub.errors import InvalidError
from hub.stack import json5, yaml
from hub.stack.json5 import SPACE
from hub.stack.problem import Problem
from hub.stack.text import Document, broken, place_of

_BEGINNING = re.compile(
    rf"[{SPACE}]*+"
    rf"(?P<comments>(?:(?://[^\n\r\u2028\u2029]*+|/\*.*?\*/)[{SPACE}]*+)*+)"
    r"(?:(?P<bracket>[\[\]{}]|/\*|\Z)"
    r"|(?P<fence>```|~~~)"
    r"""|(?P<key>(?:"[^"\n\r]*+"|'[^'\n\r]*+'|[^\s{}\[\],"':]++)[ \t]*+:|-\s))?""",
    re.DOTALL,
)


def read_documents(text: str) -> list[Document]:
    """Every document of the text, at least one.

    Raises:
        InvalidError: ``document_broken``, with the first problem in ``problems``.
    """
    return json5.parse_documents(text) if is_json5(text) else yaml.parse_documents(text)


def is_json5(text: str) -> bool:
    """Whether the text is JSON5, right or wrong, and not YAML.

    Raises:
        InvalidError: ``document_broken`` for a beginning that fits neither.
    """
    begins = _BEGINNING.match(text)
    assert begins is not None  # noqa: S101 - each part of the pattern may be empty
    if begins["fence"]:
        message = "The text stands between the fences of a Markdown page."
        raise _mixed(text, begins.start("fence"), message, "Remove the lines with the fences.")
    if begins["comments"] and begins["key"]:
        message = "A comment of JSON5 stands here before keys of YAML."
        hint = "Begin comments with # in YAML; in JSON5 stand { } around the keys."
        raise _mixed(text, begins.start("comments"), message, hint)
    return bool(begins["comments"]) or begins["bracket"] is not None


def _mixed(text: str, offset: int, message: str, hint: str) -> InvalidError:
    bare = text.removeprefix("\ufeff")
    line, column = place_of(bare, offset - len(text) + len(bare))
    return broken(Problem("error", message, hint, line, column, ""))
