"""The one form of a stack's text, whatever form a person gave it."""

import re

import yaml

from hub.stack.documents import is_json5, read_documents
from hub.stack.fmt.layout import layout
from hub.stack.fmt.tree import read_tree
from hub.stack.text import LINE_END, refuse_too_long
from hub.stack.yaml_events import end_of, events_of, start_of

_END_BLANKS = re.compile(r"(?<![\\ \t])[ \t]+\Z")
"""After a backslash the blank may belong to an escape."""


def format_text(text: str) -> str:
    """The canonical form of the text; its documents stay equal, and its own form is itself.

    JSON5: two spaces a level, one member a line, at most one blank line between two, and a blank
    line between documents. A list or an object that stood on one line stays there if the line
    then has 100 characters at most. A document that is plain JSON but for its comments stays
    that; any other gets bare keys where they can be bare, a comma behind the last member, and
    double quotes, unless a text holds double quotes itself. Numbers and escapes stay as they are
    spelled. Comments stay before what they stood before, or behind what they stood behind.

    YAML: line ends, blanks at the ends of lines and the end of the text are made alike; all else
    stays, and so does the inside of a ``|`` or ``>`` text, whose every blank counts.

    Raises:
        InvalidError: ``document_broken``, as ``read_documents`` does, and where the canonical
            form would be longer than what can be read.
    """
    read_documents(text)
    bare = text.removeprefix("\ufeff")
    formed = layout(read_tree(bare)) if is_json5(text) else _tidied(bare)
    refuse_too_long(formed)
    return formed


def _tidied(text: str) -> str:
    inside = _block_lines(text)
    lines = LINE_END.split(text)
    for number, line in enumerate(lines):
        if number not in inside:
            lines[number] = _END_BLANKS.sub("", line)
    if len(lines) - 1 in inside:
        return "\n".join(lines)
    while not lines[-1] and len(lines) - 1 not in inside:
        lines.pop()
    return "\n".join([*lines, ""])


def _block_lines(text: str) -> set[int]:
    """The numbers of all lines, from 0, that are the inside of a block's text."""
    inside: set[int] = set()
    events = events_of(text)
    while (event := events.get_event()) is not None:
        if isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
            end = end_of(event)
            inside.update(range(start_of(event).line + 1, end.line + (end.column > 0)))
    return inside
