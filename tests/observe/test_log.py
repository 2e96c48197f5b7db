"""Logs: one JSON object a line, no secrets, and nothing of the libraries is lost."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import structlog

from hub.model.masking import MASK
from hub.observe import log
from hub.observe.log import set_up_logs

Lines: TypeAlias = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was written to standard error, each line parsed; nothing to standard output."""

    def read() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.splitlines()]

    return read


def test_a_line_is_a_json_object_with_event_level_and_time(lines: Lines) -> None:
    set_up_logs("info", "json")
    structlog.get_logger("hub.test").info("shop.opened", orders=3, text="two\nlines")
    (line,) = lines()
    assert line["event"] == "shop.opened"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert (line["orders"], line["text"]) == (3, "two\nlines")


def test_what_is_less_serious_than_the_level_is_left_out(lines: Lines) -> None:
    set_up_logs("warning", "json")
    log = structlog.get_logger("hub.test")
    log.debug("door.opened")
    log.info("door.opened")
    log.warning("door.broken")
    assert [line["event"] for line in lines()] == ["door.broken"]


@pytest.mark.parametrize(
    "name",
    ["token", "api_key", "Authorization", "cookie", "client_secret", "password", "signature"],
)
def test_a_value_that_is_named_like_a_secret_is_masked(name: str, lines: Lines) -> None:
    set_up_logs("info", "json")
    structlog.get_logger("hub.test").info("shop.opened", **{name: "hunter2"}, order="visible")
    (line,) = lines()
    assert line[name] == MASK
    assert "hunter2" not in json.dumps(line)
    assert line["order"] == "visible"


def test_a_bound_secret_is_masked_too(lines: Lines) -> None:
    set_up_logs("info", "json")
    structlog.contextvars.bind_contextvars(token="hunter2", event_id="evt_1")
    structlog.get_logger("hub.test").bind(secret="hunter2").info("shop.opened")
    (line,) = lines()
    assert (line["token"], line["secret"], line["event_id"]) == (MASK, MASK, "evt_1")


def test_a_failure_is_written_with_its_traceback_on_one_line(lines: Lines) -> None:
    set_up_logs("info", "json")
    try:
        raise ValueError("no luck")
    except ValueError:
        structlog.get_logger("hub.test").exception("work.crashed")
    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert "ValueError: no luck" in line["exception"]


@pytest.mark.parametrize(
    "value", ["a\udcffb", 2**80, {"deep": "\ud800"}, {1: "a"}, {"set"}, b"bytes", ValueError("x")]
)
def test_no_value_keeps_a_line_from_being_written(value: object, lines: Lines) -> None:
    set_up_logs("info", "json")
    structlog.get_logger("hub.test").info("shop.opened", value=value, order=1)
    (line,) = lines()
    assert (line["event"], line["order"]) == ("shop.opened", 1)
    assert "value" in line


def test_lines_of_the_standard_library_go_the_same_way(lines: Lines) -> None:
    set_up_logs("info", "json")
    logging.getLogger("library").warning("about %s", "something")
    logging.getLogger("library").info("left out")
    (line,) = lines()
    assert (line["event"], line["level"]) == ("library.said", "warning")
    assert line["message"] == "about something"


def test_a_failure_inside_a_library_keeps_its_traceback(lines: Lines) -> None:
    set_up_logs("info", "json")
    try:
        raise ValueError("no luck")
    except ValueError:
        logging.getLogger("library").exception("It broke.")
    (line,) = lines()
    assert line["message"] == "It broke."
    assert "ValueError: no luck" in line["exception"]


@pytest.mark.parametrize("level", [31, 35, 49, 60])
def test_a_library_with_levels_of_its_own_is_heard(level: int, lines: Lines) -> None:
    set_up_logs("info", "json")
    logging.getLogger("library").log(level, "something")
    (line,) = lines()
    assert line["message"] == "something"


def test_people_on_a_terminal_get_text_and_everybody_else_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, begins_with_a_brace in (
        (Terminal(), False),
        (io.TextIOWrapper(io.BytesIO(), write_through=True), True),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        set_up_logs("info", "auto")
        structlog.get_logger("hub.test").info("shop.opened", token="hunter2")
        stream.seek(0)
        written = stream.read()
        assert "shop.opened" in written
        assert "hunter2" not in written
        assert written.startswith("{") is begins_with_a_brace


class Pipe(io.BytesIO):
    """Notes each write; nobody reads it any more once it is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.broken = False

    def write(self, data: Any) -> int:
        if self.broken:
            raise BrokenPipeError
        self.writes.append(bytes(data))
        return len(data)


def test_outside_the_loop_a_line_is_written_at_once() -> None:
    pipe = Pipe()
    lines = log.Lines(pipe)
    lines.msg(b"a")
    lines.msg(b"b")
    assert pipe.writes == [b"a\n", b"b\n"]


async def test_lines_of_one_round_of_the_loop_are_written_together() -> None:
    pipe = Pipe()
    lines = log.Lines(pipe)
    for line in (b"a", b"b"):
        lines.info(line)
    assert pipe.writes == []
    await asyncio.sleep(0)
    lines.warning(b"c")
    await asyncio.sleep(0)
    assert pipe.writes == [b"a\nb\n", b"c\n"]


def test_a_log_that_nobody_reads_stops_nobody() -> None:
    pipe = Pipe()
    pipe.broken = True
    lines = log.Lines(pipe)
    lines.msg(b"a")
    pipe.broken = False
    lines.msg(b"b")
    assert pipe.writes == [b"b\n"]
