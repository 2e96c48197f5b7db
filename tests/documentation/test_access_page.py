"""docs/access.md says what is so."""

import re
from pathlib import Path

from hub.dashboard.navigation import NAVIGATION
from hub.errors import ConflictError, InvalidError
from hub.model.key import Scope
from hub.model.time import US_PER_S
from hub.model.user import Role
from hub.store.audit import FILTERS
from hub.store.errand import in_use
from hub.store.idempotency import KEEP_US, LEASE_US
from hub.web.access import Access
from hub.web.api import account, audit, export, keys, users
from hub.web.once import MAX_CHARS
from hub.web.problems import problem

PAGE = (Path(__file__).parents[2] / "docs/access.md").read_text()


def test_the_page_names_every_operation_and_its_scope() -> None:
    told = dict(re.findall(r"^\| `(\w+ /v1/\S+?)` \| `(\w+)` \|", PAGE, re.MULTILINE))
    nouns = (keys, users, account, audit, export)
    operations = [each for noun in nouns for each in noun.OPERATIONS]
    assert told == {f"{each.method} {each.path}": each.scope.value for each in operations}


def test_the_dashboards_page_names_every_page_and_role() -> None:
    page = (Path(__file__).parents[2] / "docs/dashboard.md").read_text()
    told = re.findall(r"^\| ([A-Z][a-z ]+) \|", page, re.MULTILINE)
    assert told == [name for _, links in NAVIGATION for _, name, _ in links]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [each.value for each in Role]


def test_the_page_names_every_scope() -> None:
    told = re.findall(r"^\| `(\w+)` \| [a-z]", PAGE, re.MULTILINE)
    assert told == [scope.value for scope in Scope]


def test_the_page_names_every_filter_and_bound() -> None:
    assert all(f"`?{name}=`" in PAGE for name in (*FILTERS, "since"))
    assert f"longer than {MAX_CHARS} characters" in PAGE
    assert f"within the last {KEEP_US // US_PER_S // 3600} hours" in PAGE
    assert f"{LEASE_US // US_PER_S} seconds later at the earliest" in PAGE
    assert (Access.__init__.__defaults__ or ())[0] == 5.0  # seconds that a key is remembered
    assert "after five seconds" in PAGE


def test_the_page_names_the_answers_as_they_are() -> None:
    refusals = (
        in_use(),
        ConflictError("", code="idempotency_outcome_lost"),
        InvalidError("", code="idempotency_key_reused"),
        InvalidError("", code="idempotency_key_invalid"),
        ConflictError("", code="last_admin_key"),
    )
    for error in refusals:
        assert f"{problem(error).status_code} `{error.code}`" in PAGE
    assert problem(in_use(7)).headers["retry-after"] == "7"
