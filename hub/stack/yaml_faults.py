"""What to say of a text that is no YAML: the parser's words turned into sentences that help."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from hub.stack.text import TOO_DEEP, Saying, half_character, place_of, printable
from hub.stack.yaml_events import start_of

MARKS: dict[str, Saying] = {
    "&": (
        "An anchor (&) cannot be used here.",
        "Write the value out; a text that begins with & needs quotes.",
    ),
    "*": (
        "An alias (*) cannot be used here.",
        "Write the value out; a text that begins with * needs quotes.",
    ),
    "!": ("A tag (!) cannot be used here.", "Remove it; a text that begins with ! needs quotes."),
    "%": ("A directive (%) cannot be used here.", "Remove the line; this is read as YAML 1.2."),
}
_EXPRESSION = re.compile(
    r"(?:^|(?<=\s))#[^\n\r]*|(?:(?:^|[\n\r]) *(?:[-?] +)*|[:,\[{?]\s*)(?P<opening>\{\{)"
)
_OPENS = {"]": "[", "}": "{"}
_DIGITS = {"x": 2, "u": 4, "U": 8}
_MAX_KEY = 1_024


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at an offset of the text."""

    message: str
    hint: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class _Halt:
    """Where the parser gave up."""

    text: str
    at: int
    begun: int
    """Where that began which could not be read to its end."""
    last: yaml.Event
    """The last thing that was read."""
    words: str
    """The parser's own: its context and its problem."""

    @property
    def sign(self) -> str:
        """The character there; empty at the end, where blanks do not count."""
        return self.text[self.at : self.at + 1].strip("\n\r ")

    @property
    def line_start(self) -> int:
        return self.start_of_line(self.at)

    def start_of_line(self, offset: int) -> int:
        return 1 + max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset))

    def line_of(self, offset: int) -> int:
        """The number of a line, from 1."""
        return place_of(self.text, offset)[0]


def fault_of(text: str, error: yaml.MarkedYAMLError, last: yaml.Event) -> Fault:
    """The fault that made the parser give up after the event ``last``."""
    end = len(text.rstrip("\n\r "))
    mark = error.problem_mark or error.context_mark
    at = min(mark.index if mark else end, end)
    begun = error.context_mark.index if error.context_mark else at
    words = f"{error.context or ''}: {error.problem or ''}"
    halt = _Halt(text, at, min(begun, end), last, words)
    if "quoted scalar" not in words:
        read_to = last.end_mark.index if last.end_mark else 0
        for found in _EXPRESSION.finditer(text, read_to, at + 2):
            if found["opening"]:
                opening = found.start("opening")
                return Fault(*unquoted_expression(text, opening), opening)
    for pattern, explain in _FAULTS:
        if pattern.search(words):
            return explain(halt)
    return Fault(f"This cannot be read as YAML: {error.problem}.", None, at)


def unquoted_expression(text: str, offset: int) -> Saying:
    """What to say of an expression that begins at ``offset`` with no quote before it."""
    whole = re.compile(r"\{\{[^\n\r]*?\}\}").match(text, offset)
    shown = "{{ … }}"
    if whole and len(whole[0]) <= 40 and not ("'" in whole[0] and '"' in whole[0]):
        shown = printable(whole[0])
        if text[whole.end() : whole.end() + 1] not in (*" \t\r\n,]}", ""):
            shown += "…"
    quote = "'" if '"' in shown else '"'
    hint = f"Put the expression in quotes, with all that belongs to the text: {quote}{shown}{quote}"
    return "An expression needs quotes in YAML.", hint


def _mark(halt: _Halt) -> Fault:
    at = next(at for at in (halt.begun, halt.at, 0) if halt.text[at : at + 1] in MARKS or not at)
    return Fault(*MARKS.get(halt.text[at : at + 1], MARKS["%"]), at)


def _no_beginning(halt: _Halt) -> Fault:
    if halt.sign == "\t":
        return Fault("A tab cannot indent a line in YAML.", "Use spaces.", halt.at)
    return Fault(
        f"A text cannot begin with {printable(halt.sign)} here.",
        "Put the whole text in quotes.",
        halt.at,
    )


def _item(halt: _Halt) -> Fault:
    hint = "Begin the list in the next line; a text that begins with - needs quotes."
    return Fault("A list cannot begin in this line.", hint, halt.at)


def _question(halt: _Halt) -> Fault:
    hint = "A text that begins with ? needs quotes."
    return Fault("A '?' cannot stand here.", hint, halt.at)


def _second_colon(halt: _Halt) -> Fault:
    begun = start_of(halt.last).index
    if halt.at - max(begun, halt.line_start) > _MAX_KEY:
        message = f"A key can have {_MAX_KEY:,} characters at most in YAML."
        return Fault(message, "If it is a text, put it in quotes.", halt.at)
    if isinstance(halt.last, yaml.ScalarEvent) and begun < halt.line_start:
        line = halt.line_of(begun)
        indent = re.compile(" *").match(halt.text, halt.line_start)
        return Fault(
            f"The text that begins in line {line} goes on here, so no key can stand here.",
            f"Give this line the indentation of the keys around it, or line {line} its ':'.",
            indent.end() if indent else halt.at,
        )
    hint = "A text that has ': ' in it needs quotes; a key goes into a line of its own."
    return Fault("A second ':' cannot stand in this line.", hint, halt.at)


def _tight_colon(halt: _Halt) -> Fault:
    hint = "Write a blank behind it, or put quotes around the text that it belongs to."
    return Fault("A ':' cannot stand here without a blank behind it.", hint, halt.at)


def _no_colon(halt: _Halt) -> Fault:
    word = re.compile(r"[^\s]*").match(halt.text, halt.begun)
    word_begins = word[0] if word else ""
    hint = "Or indent the line, if it belongs to the text above it."
    if re.match("-[^-]", word_begins):
        hint = "A list's '-' needs a blank behind it."
    elif ":" in word_begins[1:]:
        hint = "A key's ':' needs a blank behind it."
    return Fault("Expected ': ' after this key.", hint, halt.begun)


def _block_text(halt: _Halt) -> Fault:
    if halt.sign == "\t":
        return _no_beginning(halt)
    sign = halt.text[halt.begun]
    hint = f"Begin the text in the next line, indented; quote it if it begins with {sign} itself."
    return Fault(f"Nothing can follow a '{sign}' in its line.", hint, halt.at)


def _open_text(halt: _Halt) -> Fault:
    quote = halt.text[halt.begun]
    hint = f"Write the closing {quote}"
    hint += "; inside the text it is written ''." if quote == "'" else "."
    line = halt.line_of(halt.begun)
    return Fault(f"The text opened with {quote} in line {line} is not closed.", hint, halt.begun)


def _escape(halt: _Halt) -> Fault:
    at = max(halt.text.rfind("\\", 0, halt.at + 1), 0)
    sign = halt.text[at + 1 : at + 2]
    if not sign:
        return _open_text(halt)
    digits = _DIGITS.get(sign, 0)
    code = halt.text[at + 2 : at + 2 + digits]
    written = f"\\{sign}{code}"
    if digits and re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", code):
        if 0xD800 <= int(code, 16) <= 0xDFFF:
            return Fault(*half_character(written), at)
        return Fault(f"{written} is no character.", "The last one is \\U0010ffff.", at)
    message = f"{printable(written)} has no meaning in a text."
    if digits:
        message = f"After \\{sign} come {digits} hexadecimal digits."
    hint = "For a backslash itself write \\\\, or put the text in single quotes."
    return Fault(message, hint, at)


def _no_value(halt: _Halt) -> Fault:
    if halt.sign == ",":
        hint = "There is one comma too many; a text that begins with a comma needs quotes."
        return Fault("Expected a value.", hint, halt.at)
    return _one_too_many(halt) if halt.sign in _OPENS else Fault("Expected a value.", None, halt.at)


def _one_too_many(halt: _Halt) -> Fault:
    hint = f"Remove it, or write the '{_OPENS[halt.sign]}' that it closes."
    return Fault(f"There is one '{halt.sign}' too many: nothing is open here.", hint, halt.at)


def _open_bracket(halt: _Halt) -> Fault:
    bracket = halt.text[halt.begun]
    close = "]" if bracket == "[" else "}"
    line = halt.line_of(halt.begun)
    if not halt.sign:
        message = f"The '{bracket}' opened in line {line} is not closed."
        return Fault(message, f"A '{close}' is missing.", halt.at)
    if halt.sign in _OPENS:
        message = f"The '{bracket}' opened in line {line} cannot be closed with '{halt.sign}'."
        return Fault(message, f"A '{close}' is missing before it.", halt.at)
    hint = f"A comma or a '{close}' is missing, or a text needs quotes."
    message = f"Expected ',' or '{close}' here, for the '{bracket}' opened in line {line}."
    return Fault(message, hint, halt.at)


def _no_neighbour(halt: _Halt) -> Fault:
    """In a block stands what is neither its next part nor its end."""
    if halt.sign in _OPENS:
        return _one_too_many(halt)
    if halt.sign == ",":
        hint = "Keys stand without commas in YAML; in JSON5 stand { } around them."
        return Fault("A comma cannot follow here.", hint, halt.at)
    if halt.sign == ":":
        return Fault("Expected a key.", None, halt.at)
    behind = halt.text[halt.line_start : halt.at]
    if behind.strip(" -"):
        hint = "Put quotes around the whole text."
        if isinstance(halt.last, yaml.ScalarEvent) and halt.last.style in ("'", '"'):
            quote = halt.last.style
            inside = "''" if quote == "'" else '\\"'
            hint += f" Inside it a {quote} is written {inside}"
        return Fault("The value in this line has ended before this.", hint, halt.at)
    line = halt.line_of(halt.begun)
    if re.compile(r"-\s").match(halt.text, halt.at):
        message = f"A list item cannot stand among the keys that begin in line {line}."
        return Fault(message, "Put the list below a key, or indent it deeper.", halt.at)
    if "collection" in halt.words and _in_one_column(halt):
        message = f"Expected the next '- ' of the list that begins in line {line}."
        return Fault(message, "Indent the line deeper if it belongs to the item above.", halt.at)
    message = "The indentation of this line fits none of the lines above it."
    return Fault(message, "Give it the indentation of the lines that it belongs to.", halt.at)


def _in_one_column(halt: _Halt) -> bool:
    return halt.at - halt.line_start == halt.begun - halt.start_of_line(halt.begun)


def _no_next_document(halt: _Halt) -> Fault:
    if halt.sign in _OPENS:
        return _one_too_many(halt)
    hint = "A line with --- stands between two documents; are keys and texts mixed up here?"
    return Fault("The document has ended before this.", hint, halt.at)


def _too_deep(halt: _Halt) -> Fault:
    return Fault(*TOO_DEEP, halt.at)


_FAULTS: tuple[tuple[re.Pattern[str], Callable[[_Halt], Fault]], ...] = tuple(
    (re.compile(pattern), explain)
    for pattern, explain in (
        ("while increasing", _too_deep),
        (
            "scanning an (?:anchor|alias)|(?:scanning|parsing) a tag|tag handle|parsing a node",
            _mark,
        ),
        ("directive|incompatible YAML document", _mark),
        ("cannot start any token|tab character that violates", _no_beginning),
        ("a block scalar", _block_text),
        ("quoted scalar: found unexpected", _open_text),
        ("quoted scalar", _escape),
        ("sequence entries are not allowed", _item),
        ("mapping keys are not allowed", _question),
        ("mapping values are not allowed", _second_colon),
        ("could not find expected ':'", _no_colon),
        ("found unexpected ':'", _tight_colon),
        ("(?:expected|expected the) node content", _no_value),
        ("expected ',' or", _open_bracket),
        ("parsing a block", _no_neighbour),
        ("document start", _no_next_document),
    )
)
