"""Documents as people write them: JSON5, one after another in a text, each value with its place.

What JSON5 allows is allowed: comments, trailing commas, single quotes, bare keys, its numbers and
escapes. Refused beyond it: NaN and Infinity, a key that stands twice, NUL and lone surrogates,
and escapes in bare keys. Whole numbers stay exact.
"""

import re
from bisect import bisect_right

from hub.errors import InvalidError
from hub.model.json import Json
from hub.stack.problem import Problem, nearest
from hub.stack.text import (
    HAS_NUL,
    LINE_END,
    MAX_DEPTH,
    MAX_POINTERS,
    NO_DOCUMENT,
    POINTERS_TOO_LONG,
    TOO_DEEP,
    Document,
    broken,
    fraction,
    half_character,
    member,
    printable,
    refuse_too_long,
    stands_twice,
    whole_number,
)

SPACE = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_TOKEN = re.compile(
    rf"""(?:[{SPACE}]++|//[^\n\r\u2028\u2029]*+|/\*.*?\*/)*+"""
    r"""(?:(?P<mark>[{}\[\],:])"""
    r"""|(?P<text>"(?:[^"\\\n\r]++|\\(?:\r\n|.))*+"|'(?:[^'\\\n\r]++|\\(?:\r\n|.))*+')"""
    r"""|(?P<quote>["'])"""
    rf"""|(?P<word>[^{SPACE}{{}}\[\],:"'/;=()]++)"""
    r"""|(?P<end>\Z)"""
    r"""|(?P<other>.))""",
    re.DOTALL,
)
_ODD = re.compile(r"[\\\0\ud800-\udfff]")
_ESCAPE = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\(?:u(?P<four>[0-9a-fA-F]{4})|x(?P<two>[0-9a-fA-F]{2}))"
    r"|\\(?P<line>\r\n|[\n\r\u2028\u2029])"
    r"|\\(?P<sign>[^ux0-9\0\ud800-\udfff])"
    r"|(?P<bad>\\[ux0-9]|[\0\ud800-\udfff])"
)
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NUMBER = re.compile(
    r"(?P<hex>[-+]?0[xX][0-9a-fA-F]++)"
    r"|(?P<whole>[-+]?(?:0|[1-9][0-9]*+))"
    r"|[-+]?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?"
)
_LITERALS = {"true": True, "false": False, "null": None}
_FOREIGN = {"none": "null", "nil": "null", "undefined": "null", "yes": "true", "no": "false"}
_CLOSES = {"{": "}", "[": "]"}
_NOTHING_BETWEEN = "Documents stand one after another with nothing between them."
_CURLED = "“”„‟‘’‚‛«»`´″"  # noqa: RUF001 - the look-alikes are what is looked for


def parse_documents(text: str) -> list[Document]:
    """Every document of the text, at least one.

    Raises:
        InvalidError: ``document_broken``, with the first problem in ``problems``.
    """
    refuse_too_long(text)
    return _Reader(text.removeprefix("\ufeff")).documents()


class _Reader:
    """Walks through a text token by token; the current token is in ``kind, word, start``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.line_starts = [0, *(match.end() for match in LINE_END.finditer(text))]
        self.open: list[int] = []
        """Offsets of the brackets around the current token."""
        self.offsets: dict[str, int] = {}
        self.pointer_length = 0
        self.end = 0
        self.advance()

    def advance(self) -> None:
        """Take the next token; never fails, whoever cannot use the token says so."""
        self.behind = self.end
        match = _TOKEN.match(self.text, self.end)
        assert match is not None  # noqa: S101 - the pattern's last branches match anything
        self.kind = match.lastgroup or ""
        self.word = match[self.kind]
        self.end = match.end()
        self.start = self.end - len(self.word)

    def documents(self) -> list[Document]:
        found = []
        while self.kind != "end":
            self.offsets = {"": self.start}
            value = self.value("")
            positions = {pointer: self.place(at) for pointer, at in self.offsets.items()}
            found.append(Document(value, positions))
        if not found:
            raise self.broken(*NO_DOCUMENT, "", 0)
        return found

    def value(self, pointer: str) -> Json:
        if self.word == "{":
            return self.object(pointer)
        if self.word == "[":
            return self.array(pointer)
        if self.kind == "text":
            value: Json = self.unquoted(pointer)
        elif self.kind == "word" and self.word in _LITERALS:
            value = _LITERALS[self.word]
        elif self.kind == "word" and self.word[0] in "+-.0123456789":
            value = self.number(pointer)
        else:
            raise self.unfit_value(pointer)
        self.advance()
        return value

    def object(self, pointer: str) -> dict[str, Json]:
        found: dict[str, Json] = {}
        self.enter(pointer)
        while self.word != "}":
            key = self.key(pointer)
            place = member(pointer, key)
            if place in self.offsets:
                raise self.standing_twice(key, place)
            self.note(place)
            self.advance()
            if self.word != ":":
                raise self.unfit("Expected ':' after this key.", None, place, self.behind)
            self.advance()
            found[key] = self.value(place)
            self.separate("}", place)
        self.leave()
        return found

    def array(self, pointer: str) -> list[Json]:
        found: list[Json] = []
        self.enter(pointer)
        while self.word != "]":
            place = f"{pointer}/{len(found)}"
            self.note(place)
            found.append(self.value(place))
            self.separate("]", place)
        self.leave()
        return found

    def enter(self, pointer: str) -> None:
        if len(self.open) == MAX_DEPTH:
            raise self.broken(*TOO_DEEP, pointer)
        self.open.append(self.start)
        self.advance()

    def leave(self) -> None:
        self.open.pop()
        self.advance()

    def note(self, pointer: str) -> None:
        self.offsets[pointer] = self.start
        self.pointer_length += len(pointer)
        if self.pointer_length > MAX_POINTERS:
            raise self.broken(*POINTERS_TOO_LONG, "")

    def separate(self, close: str, place: str) -> None:
        if self.word == ",":
            self.advance()
        elif self.word != close:
            hint = None
            if self.word == ":" and close == "]":
                hint = "A list has no keys: put { } around keys and their values."
            elif self.kind in ("text", "word") or self.word in _CLOSES:
                hint = "A comma is missing here."
            raise self.unfit(
                f"Expected ',' or '{close}' after this value.", hint, place, self.behind
            )

    def key(self, pointer: str) -> str:
        if self.kind == "text":
            return self.unquoted(pointer)
        if self.kind == "word" and self.word.replace("$", "_").isidentifier():
            return self.word
        hint = None
        message = "Expected a key."
        if self.kind == "word":
            message = f"The key {self.shown()} needs quotes."
            hint = f'Write "{self.shown()}".'
        elif self.word == "," and self.text[self.behind - 1] in "{,":
            message = "Expected a key, but here is one comma too many."
        elif self.word == "{" and self.start == self.open[-1] + 1:
            hint = 'An expression stands in quotes: "{{ … }}".'
        raise self.unfit(message, hint, pointer)

    def unquoted(self, pointer: str) -> str:
        inner = self.word[1:-1]
        if _ODD.search(inner) is None:
            return inner
        return _ESCAPE.sub(lambda match: self.unescaped(match, pointer), inner)

    def unescaped(self, match: re.Match[str], pointer: str) -> str:
        if match["sign"]:
            return _SIGNS.get(match["sign"], match["sign"])
        if match["line"]:
            return ""
        if match["high"]:
            high, low = int(match["high"], 16), int(match["low"], 16)
            return chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
        code = match["four"] or match["two"]
        sign = chr(int(code, 16)) if code else match["bad"]
        at = self.start + 1 + match.start()
        if sign in ("\0", "\\0"):
            raise self.broken(*HAS_NUL, pointer, at)
        if "\ud800" <= sign <= "\udfff":
            raise self.broken(*half_character(match[0]), pointer, at)
        if len(sign) == 1:
            return sign
        needs = {"\\u": "four hexadecimal digits", "\\x": "two hexadecimal digits"}.get(sign)
        message = f"After {sign} come {needs}." if needs else f"{sign} has no meaning in a text."
        raise self.broken(message, "For a backslash itself write \\\\.", pointer, at)

    def number(self, pointer: str) -> int | float:
        match = _NUMBER.fullmatch(self.word)
        if match is None:
            raise self.unfit_number(pointer)
        try:
            if match["hex"]:
                return whole_number(self.word, 16)
            return whole_number(self.word, 10) if match["whole"] else fraction(self.word)
        except ValueError as error:
            raise self.broken(str(error), None, pointer) from None

    def unfit_value(self, pointer: str) -> InvalidError:
        if self.kind == "word":
            return self.unfit_word(pointer)
        if not self.open and self.word in ("}", "]"):
            return self.broken(
                f"There is one '{self.word}' too many: nothing is open here.", None, pointer
            )
        if not self.open and self.behind:
            message = f"Expected the next document or the end, not '{self.shown()}'."
            hint = _NOTHING_BETWEEN
            if self.word == ":":
                hint = "Are the { } around the keys missing?"
            return self.unfit(message, hint, pointer)
        return self.unfit("Expected a value.", None, pointer)

    def unfit_word(self, pointer: str) -> InvalidError:
        lower = self.word.lower()
        if lower in ("nan", "infinity"):
            return self.unfit_number(pointer)
        meant = _FOREIGN.get(lower) or nearest(lower, _LITERALS)
        hint = f'A text needs quotes: "{self.shown()}".'
        if meant:
            hint = f"Did you mean {meant}? {hint}"
        return self.unfit(f"{self.shown()} is not a value.", hint, pointer)

    def unfit_number(self, pointer: str) -> InvalidError:
        digits = self.word.lstrip("+-")
        if digits.lower() in ("nan", "infinity"):
            return self.broken(
                "NaN and Infinity are no values here.", "Use null or a number.", pointer
            )
        hint = f'A text needs quotes: "{self.shown()}".'
        if re.fullmatch("0[0-9]+", digits):
            hint = f"A number has no zeros in front. {hint}"
        elif self.word == "---":
            hint = _NOTHING_BETWEEN
        return self.broken(f"{self.shown()} is not a number.", hint, pointer)

    def standing_twice(self, key: str, place: str) -> InvalidError:
        first, second = self.place(self.offsets[place])[0], self.place(self.start)[0]
        return self.broken(*stands_twice(key, first, second), place)

    def unfit(
        self, message: str, hint: str | None, pointer: str, at: int | None = None
    ) -> InvalidError:
        """Refuse the current token: by what it is, if that says enough, else by the message."""
        if self.start == self.behind and self.text[self.behind - 1 : self.behind] in ("'", '"'):
            if self.kind in ("word", "quote"):
                mark = self.text[self.behind - 1]
                hint = f"A quote is missing, or one inside the text needs a backslash: \\{mark}."
        elif self.kind == "quote":
            return self.open_text(pointer)
        if self.text.startswith("/*", self.start):
            line = self.place(self.start)[0]
            return self.broken(
                f"The comment opened in line {line} is not closed.", "Write */ at its end.", pointer
            )
        if self.open and self.word in ("", "}", "]"):
            return self.open_bracket(message, pointer)
        if self.word[:1] == "#" or self.word == "/":
            hint = "A comment begins with //."
        elif self.word[:1] and self.word[0] in _CURLED:
            message = f"{self.word[0]} is not a quote that a document can use."
            hint, at = "Use straight quotes: \" or '", None
        return self.broken(message, hint, pointer, at)

    def open_text(self, pointer: str) -> InvalidError:
        line = self.place(self.start)[0]
        rest = LINE_END.split(self.text[self.start :], maxsplit=1)[0]
        curled = next((sign for sign in rest if sign in _CURLED), None)
        hint = f"Write the closing {self.word} in the same line; a line break in a text is \\n"
        if curled:
            hint = f"Close it with a straight {self.word}, not with {curled}"
        return self.broken(
            f"The text opened with {self.word} in line {line} is not closed.", hint, pointer
        )

    def open_bracket(self, message: str, pointer: str) -> InvalidError:
        bracket = self.text[self.open[-1]]
        line = self.place(self.open[-1])[0]
        close = _CLOSES[bracket]
        if not self.word:
            message = f"The '{bracket}' opened in line {line} is not closed."
            return self.broken(message, f"A '{close}' is missing.", pointer, self.behind)
        if self.word != close:
            message = f"The '{bracket}' opened in line {line} cannot be closed with '{self.word}'."
            return self.broken(message, f"A '{close}' is missing before it.", pointer)
        return self.broken(message, None, pointer)

    def broken(
        self, message: str, hint: str | None, pointer: str, at: int | None = None
    ) -> InvalidError:
        line, column = self.place(self.start if at is None else at)
        return broken(Problem("error", message, hint, line, column, pointer))

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def shown(self) -> str:
        return printable(self.word)
