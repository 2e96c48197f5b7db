"""docs/realtime.md says what is so."""

import json
import re
from pathlib import Path

from hub.model.channel import (
    HISTORY_MESSAGES,
    HISTORY_S,
    MAX_HISTORY_MESSAGES,
    MAX_HISTORY_S,
    ChannelSetting,
)
from hub.model.channel_token import MAX_TTL_S, TTL_S, NewToken
from hub.model.message import MAX_DATA_BYTES
from hub.model.table import TableSpec
from hub.web.wish import KNOWN, MAX_CHANNELS

PAGE = (Path(__file__).parents[2] / "docs/realtime.md").read_text()


def rows(after: str) -> list[str]:
    """The first column of the table that follows a heading."""
    table = PAGE.split(after, 1)[1].split("\n\n|", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)(?:=1)?` \|", table, re.MULTILINE)


def bodies(verb_and_path: str) -> list[str]:
    """JSON that stands under a request line."""
    return re.findall(rf"{re.escape(verb_and_path)}\n(.*?)\n```", PAGE, re.DOTALL)


def test_every_parameter_of_a_stream_has_its_line() -> None:
    assert sorted(rows("## Listening")) == sorted(KNOWN)


def test_every_field_of_a_channel_has_its_line() -> None:
    assert sorted(rows("## Channels")) == sorted(ChannelSetting.model_fields)


def test_the_examples_are_taken() -> None:
    (channel,) = bodies("PUT /v1/channels/room_*")
    assert ChannelSetting.model_validate_json(channel).history == 200
    (table,) = bodies("PUT /v1/tables/orders")
    assert TableSpec.model_validate_json(table).live
    token = re.search(r"/v1/channels/tokens --json '(.*?)'", PAGE, re.DOTALL)
    assert token is not None
    assert NewToken.model_validate(json.loads(token[1])).sub == "42"


def test_the_limits_are_the_real_ones() -> None:
    assert f"up to {MAX_CHANNELS} channels in one stream" in PAGE
    assert f"{HISTORY_MESSAGES:,} where it is not set, {MAX_HISTORY_MESSAGES:,} at most" in PAGE
    assert (HISTORY_S, MAX_HISTORY_S) == (86_400, 30 * 86_400)
    assert "a day where it is not set, 30 days at most" in PAGE
    assert f"`ttl_s` {TTL_S} and at most a day" in PAGE
    assert MAX_TTL_S == 86_400
    assert f"at most {MAX_DATA_BYTES // 1024} KiB of JSON" in PAGE
