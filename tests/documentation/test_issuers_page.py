"""What docs/issuers.md shows can be set as it stands, and is good for what it says."""

import json
import re
from typing import Any

import httpx
import pytest

from hub.model.channel import Can, allows
from hub.model.issuer import Issuer, rights_of
from tests.program import STACKS
from tests.web.answers import good
from tests.web.conftest import api, hub, key_of

__all__ = ["api", "hub", "key_of"]

PAGE = (STACKS.parent / "docs" / "issuers.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = {
    title: json.loads(text)
    for title, section in SECTIONS.items()
    for text in re.findall(r"```json\n(.*?)```", section, re.DOTALL)
}
CLAIMS: dict[str, dict[str, Any]] = {
    "Supabase": {"sub": "ada", "app_metadata": {"team": "blue"}},
    "Auth0, and others that speak OpenID Connect": {
        "sub": "auth0|7",
        "https://app.example.com/user": "ada",
    },
    "Xano": {"sub": "ada"},
    "WeWeb": {"sub": "ada"},
}


def test_there_is_one_example_for_each() -> None:
    assert EXAMPLES.keys() == CLAIMS.keys()


@pytest.mark.parametrize("title", EXAMPLES)
async def test_every_issuer_can_be_set(api: httpx.AsyncClient, title: str) -> None:
    assert good(await api.put("/v1/issuers/page", json=EXAMPLES[title]), 201)["warnings"] == []


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_issuer_lets_its_people_listen_to_what_is_theirs(title: str) -> None:
    rights = rights_of(Issuer.model_validate(EXAMPLES[title]), CLAIMS[title])
    heard = [
        name for name in ("user_ada_orders", "user_adam_orders", "other") if _hears(rights, name)
    ]
    assert heard == ["user_ada_orders"]
    assert _hears(rights, "team_blue") == (title == "Supabase")
    assert not _hears(rights, "team_red")


def _hears(rights: Any, channel: str) -> bool:
    return allows(rights, Can.SUBSCRIBE, channel)


def test_every_field_is_named() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.partition("\n## ")[0], re.MULTILINE)
    assert rows == list(Issuer.model_fields)
