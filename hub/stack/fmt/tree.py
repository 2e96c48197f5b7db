"""A text in JSON5 with all that a person put into it: values, their spelling, and comments."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import takewhile

from hub.stack.json5 import SPACE

_TOKEN = re.compile(
    rf"(?P<blanks>[{SPACE}]++)"
    r"|(?P<comment>//[^\n\r\u2028\u2029]*+|/\*.*?\*/)"
    r"|(?P<mark>[{}\[\],:])"
    r"""|(?P<text>"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')"""
    rf"""|(?P<word>[^{SPACE}{{}}\[\],:"'/]++)""",
    re.DOTALL,
)
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")
_JSON = re.compile(
    r'"(?:[^"\\\0-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
    r"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?"
    r"|true|false|null"
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as it is spelled, and how many line ends are between it and what is before it."""

    text: str
    line_ends: int


@dataclass(frozen=True, slots=True)
class Part:
    """A value with its key, both as they are spelled, and what stands around and in it."""

    before: tuple[Comment, ...]
    """The comments since the value before it: some may stand behind that one, in its line."""
    line_ends: int
    """Between the last of them, or what else is before, and its first character."""
    key: str | None
    between: tuple[Comment, ...]
    """The comments between its key and its value."""
    word: str
    """The value, or its opening bracket."""
    parts: "tuple[Part, ...]" = ()
    ending: tuple[Comment, ...] = ()
    """The comments since its last part, before its closing bracket."""
    stands_on_one_line: bool = True
    behind: tuple[Comment, ...] = ()
    """The comments between it and its comma that begin in its line."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A text: its documents, each with whether it is plain JSON, and the comments at its end."""

    documents: tuple[tuple[Part, bool], ...]
    ending: tuple[Comment, ...]


def read_tree(text: str) -> Tree:
    """The tree of a text that ``parse_documents`` has read."""
    return _Reader(text).tree()


class _Reader:
    """Walks through the text; the current token is in ``word``, what is before it beside it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line_ends_at = [match.start() for match in _LINE_END.finditer(text)]
        self.is_plain = True
        self.end = 0
        self.advance()

    def advance(self) -> None:
        """Take the next token."""
        self.comments: list[Comment] = []
        self.line_ends = 0
        self.pass_over()

    def pass_over(self) -> None:
        """Take the next token as if the current one were not there."""
        while match := _TOKEN.match(self.text, self.end):
            self.end = match.end()
            self.word = match[0]
            if match["blanks"]:
                self.line_ends += len(_LINE_END.findall(self.word))
            elif match["comment"]:
                self.comments.append(Comment(self.word, self.line_ends))
                self.line_ends = 0
            else:
                return
        self.word = ""

    def tree(self) -> Tree:
        documents = []
        while self.word:
            self.is_plain = True
            part = self.part(has_key=False)
            documents.append((part, self.is_plain))
        return Tree(tuple(documents), tuple(self.comments))

    def part(self, *, has_key: bool) -> Part:
        before, line_ends = tuple(self.comments), self.line_ends
        key = None
        between: tuple[Comment, ...] = ()
        if has_key:
            key = self.spelled()
            self.advance()
            self.pass_over()  # the colon
            between = tuple(self.comments)
        start, word = self.end, self.word
        if word not in ("{", "["):
            word = self.spelled()
            self.advance()
            return Part(before, line_ends, key, between, word, behind=self.take_behind())
        parts, ending = self.inside("}" if word == "{" else "]", has_keys=word == "{")
        at = bisect_left(self.line_ends_at, start)
        stands_on_one_line = at == bisect_left(self.line_ends_at, self.end)
        self.advance()
        behind = self.take_behind()
        return Part(
            before, line_ends, key, between, word, parts, ending, stands_on_one_line, behind
        )

    def inside(self, close: str, *, has_keys: bool) -> tuple[tuple[Part, ...], tuple[Comment, ...]]:
        parts = []
        self.advance()
        while self.word != close:
            parts.append(self.part(has_key=has_keys))
            if self.word == ",":
                self.pass_over()
                self.is_plain = self.is_plain and self.word != close
        return tuple(parts), tuple(self.comments)

    def take_behind(self) -> tuple[Comment, ...]:
        """Take the comments that begin in the line of the value before them, if a comma is next."""
        if self.word != ",":
            return ()
        taken = tuple(takewhile(lambda comment: not comment.line_ends, self.comments))
        del self.comments[: len(taken)]
        return taken

    def spelled(self) -> str:
        """The current token, a key or a value with no parts."""
        self.is_plain = self.is_plain and _JSON.fullmatch(self.word) is not None
        return self.word
