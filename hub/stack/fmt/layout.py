"""From a tree back to a text, with every value and every comment in its place."""

import re
from collections.abc import Iterator

from hub.stack.fmt.tree import Comment, Part, Tree
from hub.stack.text import LINE_END, MAX_BYTES, too_long

Comments = tuple[Comment, ...]
Gap = tuple[int, int]
"""The least and the most line ends between two parts; two make a blank line."""

_AT_START: Gap = (0, 0)
_BESIDE: Gap = (0, 2)
_CLOSE_BELOW: Gap = (1, 1)
_BELOW: Gap = (1, 2)
_APART: Gap = (2, 2)
_WIDTH = 100
_CLOSES = {"{": "}", "[": "]"}
_BARE = re.compile(r"""(?P<quote>["'])(?P<key>[A-Za-z_$][A-Za-z0-9_$]*+)(?P=quote)""")
_INNER_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')


def layout(tree: Tree) -> str:
    """The text of the tree, with a line end at its end."""
    writer = _Writer()
    for number, (document, is_plain) in enumerate(tree.documents):
        writer.is_plain = is_plain
        gap = _APART if number else _AT_START
        writer.come_to(document.before, document.line_ends, "", gap)
        writer.part(document, "", "")
    writer.come_to(tree.ending, None, "", _BELOW)
    return "".join([*writer.pieces, "\n"])


class _Writer:
    """Writes part after part; ``column`` counts the characters of the line so far."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.column = 0
        self.indented = 0
        """Characters of all indentation: many levels around many values are a long text."""
        self.is_plain = True
        self.lines: dict[int, str | None] = {}
        """What ``on_one_line`` has found, by the part's identity."""

    def write(self, piece: str) -> None:
        self.pieces.append(piece)
        self.column += len(piece)

    def new_line(self, indent: str, line_ends: int = 1) -> None:
        self.pieces += ("\n" * line_ends, indent)
        self.column = len(indent)
        self.indented += len(indent)
        if self.indented > MAX_BYTES:
            raise too_long()

    def come_to(self, comments: Comments, line_ends: int | None, indent: str, gap: Gap) -> None:
        """Write the comments before a part and go to where the part begins.

        ``line_ends`` are those before the part itself; None if an end follows, and no part.
        """
        behind = _behind(comments, line_ends) if self.pieces else 0
        self.write_behind(comments[:behind], indent)
        for comment in comments[behind:]:
            self.go(comment.line_ends, indent, gap)
            self.comment(comment, indent)
            gap = _BELOW if LINE_END.search(comment.text) else _BESIDE
        if line_ends is not None:
            self.go(line_ends, indent, gap)

    def write_behind(self, comments: Comments, indent: str) -> None:
        for comment in comments:
            self.write(" ")
            self.comment(comment, indent)

    def go(self, line_ends: int, indent: str, gap: Gap) -> None:
        least, most = gap
        line_ends = max(least, min(line_ends, most))
        if line_ends:
            self.new_line(indent, line_ends)
        elif self.pieces:
            self.write(" ")

    def comment(self, comment: Comment, indent: str) -> None:
        lines = [line.rstrip() for line in LINE_END.split(comment.text)]
        if len(lines) == 1:
            self.write(lines[0])
            return
        if all(line.lstrip().startswith("*") for line in lines[1:]):
            lines[1:] = [f"{indent} {line.lstrip()}" for line in lines[1:]]
        self.pieces.append("\n".join(lines))
        self.column = len(lines[-1])

    def part(self, part: Part, indent: str, comma: str) -> None:
        inner = indent if part.key is None else self.up_to_value(part.key, part.between, indent)
        line = self.on_one_line(part)
        is_divisible = bool(part.parts or part.ending)
        if line is None or (is_divisible and self.column + len(line + comma) > _WIDTH):
            self.on_lines(part, inner)
        else:
            self.write(line)
        self.write(comma)
        self.write_behind(part.behind, indent)

    def up_to_value(self, key: str, between: Comments, indent: str) -> str:
        """Write a key and what is between it and its value; gives the value's indentation."""
        self.write(self.key(key) + ":")
        inner, blank = indent, " "
        for comment in between:
            self.write(blank)
            self.comment(comment, inner)
            blank = " "
            if comment.text.startswith("//"):
                inner, blank = indent + "  ", ""
                self.new_line(inner)
        self.write(blank)
        return inner

    def on_lines(self, part: Part, indent: str) -> None:
        self.write(part.word)
        inner = indent + "  "
        gap = _CLOSE_BELOW
        for number, each in enumerate(part.parts, 1):
            self.come_to(each.before, each.line_ends, inner, gap)
            self.part(each, inner, "" if self.is_plain and number == len(part.parts) else ",")
            gap = _BELOW
        self.come_to(part.ending, None, inner, gap)
        self.new_line(indent)
        self.write(_CLOSES[part.word])

    def on_one_line(self, part: Part) -> str | None:
        """The value in one line, if it stood in one and can be short enough."""
        if part.word not in _CLOSES:
            return _spelled(part.word)
        if id(part) not in self.lines:
            self.lines[id(part)] = self.joined(part)
        return self.lines[id(part)]

    def joined(self, part: Part) -> str | None:
        close = _CLOSES[part.word]
        if not part.parts and not part.ending:
            return part.word + close
        if not part.stands_on_one_line:
            return None
        pieces: list[str] = []
        length = 0
        for piece in self.flat(part):
            if piece is None or length > _WIDTH:
                return None
            pieces.append(piece)
            length += len(piece)
        return "".join(pieces) if length <= _WIDTH else None

    def flat(self, part: Part) -> Iterator[str | None]:
        blank = " " if part.word == "{" else ""
        yield part.word + blank
        for number, each in enumerate(part.parts):
            yield ", " if number else ""
            yield from (comment.text + " " for comment in each.before)
            yield "" if each.key is None else self.key(each.key) + ": "
            yield from (comment.text + " " for comment in each.between)
            yield self.on_one_line(each)
            yield from (" " + comment.text for comment in each.behind)
        for number, comment in enumerate(part.ending):
            yield " " + comment.text if number or part.parts else comment.text
        yield blank + _CLOSES[part.word]

    def key(self, key: str) -> str:
        match = None if self.is_plain else _BARE.fullmatch(key)
        return match["key"] if match else _spelled(key)


def _behind(comments: Comments, line_ends: int | None) -> int:
    """How many of the comments stay in the line of what is before them.

    None does if the part after them begins in that line too: then they belong to it.
    """
    count = next((at for at, each in enumerate(comments) if each.line_ends), len(comments))
    return 0 if line_ends == 0 and count == len(comments) else count


def _spelled(word: str) -> str:
    """A value or a key in double quotes, if that takes no escape that is not there yet."""
    word = LINE_END.sub("\n", word)
    if not word.startswith("'") or _INNER_QUOTE.search(word):
        return word
    return '"' + word[1:-1].replace("\\'", "'") + '"'
