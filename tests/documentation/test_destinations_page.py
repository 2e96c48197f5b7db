"""What docs/destinations.md shows can be set as it stands."""

import json
import re
from typing import Any

import httpx
import pytest

from hub.model.destination import Destination
from tests.program import STACKS
from tests.web.answers import good
from tests.web.conftest import api, hub, key_of

__all__ = ["api", "hub", "key_of"]

PAGE = (STACKS.parent / "docs" / "destinations.md").read_text("utf-8")
BODIES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_every_destination_can_be_set(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    good(await api.put("/v1/destinations/page", json=body), 201)


def test_every_way_to_sign_in_is_named() -> None:
    schema = Destination.model_json_schema()
    modes = schema["properties"]["auth"]["anyOf"][0]["discriminator"]["mapping"]
    rows = re.findall(
        r"^\| `([a-z0-9]+)` \|", PAGE.partition("## How the hub signs in")[2], re.MULTILINE
    )
    assert set(modes) <= set(rows)
