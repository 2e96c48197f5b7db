"""Unique columns inside one run: what its open segment holds and frees, and branches that meet."""

from typing import Any

import pytest

from hub.model.table import TableSpec
from tests.stack.make import add, answer, attempt, edit, into, let, parallel, query
from tests.stack.test_records import bulk_add, delete
from tests.stack.world import World, lived, ran, task_of


def people(*mails: str, crash_at: tuple[int, str] | None = None) -> World:
    """A world with a table of people, each with a mail address of their own."""
    world = World(crash_at=crash_at)
    columns = {"mail": {"type": "text", "unique": True}, "nick": {"type": "text", "unique": True}}
    world.specs["people"] = TableSpec.model_validate({"columns": columns})
    for mail in mails:
        world.have("people", mail=mail)
    return world


def mails(world: World) -> list[Any]:
    assert world.ending is not None
    assert world.ending.failure is None, world.ending.failure
    return [doc["mail"] for doc in world.docs("people")]


def mail(record_id: Any, address: str) -> dict[str, Any]:
    return edit("people", record_id, {"mail": address})


def caught(step: dict[str, Any]) -> dict[str, Any]:
    """The step; the code of its failure is in ``code``."""
    return attempt([step], [let("code", "{{error.code}}")])


FREED = {
    "deleted": ([delete("people", record_id=1), add("people", {"mail": "a"})], ["b", "a"]),
    "changed": ([mail(1, "z"), add("people", {"mail": "a"})], ["z", "b", "a"]),
    "handed on": ([mail(1, "z"), mail(2, "a")], ["z", "a"]),
    "exchanged": ([mail(1, "z"), mail(2, "a"), mail(1, "b")], ["b", "a"]),
    "round": (
        [mail(1, "z"), mail(2, "a"), mail(1, "b"), mail(2, "y"), mail(1, "a"), mail(2, "b")],
        ["a", "b"],
    ),
    "one of many": (
        [delete("people", record_id=2), bulk_add("people", [{"mail": "c"}, {"mail": "b"}])],
        ["a", "c", "b"],
    ),
    "taken by a new one": (
        [into("new", add("people", {"mail": "n"})), mail(1, "z"), mail("{{new.id}}", "a")],
        ["z", "b", "a"],
    ),
}


@pytest.mark.parametrize("name", FREED)
async def test_a_value_that_the_run_has_freed_can_be_given_again(name: str) -> None:
    steps, after = FREED[name]
    assert mails(await ran(*steps, world=people("a", "b"))) == after


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(4))
@pytest.mark.parametrize("name", FREED)
async def test_it_is_given_once_wherever_the_run_is_killed(
    name: str, commit: int, when: str
) -> None:
    steps, after = FREED[name]
    world = await lived(people("a", "b", crash_at=(commit, when)), task_of(*steps))
    assert mails(world) == after


@pytest.mark.parametrize(
    "steps",
    [
        [add("people", {"mail": "n"}), add("people", {"mail": "n"})],
        [mail(1, "n"), add("people", {"mail": "n"})],
        [mail(1, "n"), mail(2, "n")],
        [mail(1, "b")],
        [delete("people", record_id=1), add("people", {"mail": "a"}), mail(2, "a")],
    ],
)
async def test_a_value_is_given_once_in_a_run_and_the_run_goes_on(steps: list[Any]) -> None:
    *before, last = steps
    kept = add("log", {"code": "{{code}}"})
    done = await ran(*before, caught(last), kept, world=people("a", "b"))
    found = mails(done)
    assert len(set(found)) == len(found)
    assert done.docs("log") == [{"code": "not_unique"}]


async def test_of_two_branches_that_add_one_value_one_does_and_the_other_is_told() -> None:
    step = caught(add("people", {"mail": "n"}))
    done = await ran(
        into("both", parallel([step], [step], [step])),
        answer("{{pluck(both, 'code')}}"),
        world=people("a"),
    )
    assert mails(done) == ["a", "n"]
    assert sorted(done.result, key=str) == [None, "not_unique", "not_unique"]


async def test_branches_that_edit_one_record_keep_what_each_other_did() -> None:
    stacks = [[edit("people", 1, {name: name})] for name in ("x", "y", "nick")]
    for barrier in ([], [query("people")]):
        done = await ran(parallel(*(barrier + stack for stack in stacks)), world=people("a"))
        assert done.docs("people") == [{"mail": "a", "x": "x", "y": "y", "nick": "nick"}]


async def test_nothing_has_no_rival() -> None:
    done = await ran(
        *(add("people", {"nick": None}) for _ in range(2)), add("people", {}), world=people()
    )
    assert len(done.docs("people")) == 3
