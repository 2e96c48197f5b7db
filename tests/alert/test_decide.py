"""Each firing is told once, each end once, and what flaps is told less and less."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alert.decide import Key, Seen, as_told, decide, is_reminder, to_tell
from hub.model.alert import Alert, Phase, Standing
from hub.model.time import US_PER_S

RULE = Alert(when="task_failures", threshold=5, for_s=0, clear_s=60, quiet_s=3600)
EVERY_S = 15


class World:
    """Rules, how things stand, and all that was told; a look is fifteen seconds long."""

    def __init__(self, rule: Alert = RULE, **more: Alert) -> None:
        self.rules = {"rule": rule, **more}
        self.now = 1_000 * US_PER_S
        self.stand: dict[Key, Standing] = {}
        self.told: list[tuple[str, Key, int]] = []
        """What kind, of what, and when."""
        self.muted: frozenset[str] = frozenset()

    def look(self, *, known: bool = True, lost: bool = False, **values: float) -> list[str]:
        """See this; gives the kinds that are told. ``lost``: nothing of it is kept."""
        self.now += EVERY_S * US_PER_S
        seen = {slug: Seen(values, known) for slug in self.rules}
        after = decide(self.stand, self.rules, seen, self.now)
        telling = to_tell(after.values(), self.rules, self.muted, self.now, EVERY_S * US_PER_S)
        told = []
        for each in (*telling.firing, *telling.resolved):
            key = (each.rule, each.subject)
            kind = "reminder" if is_reminder(each) else each.phase.value
            told.append((kind, key, self.now))
            after[key] = as_told(each, ("till",), self.now)
        if lost:
            return []
        self.stand = after
        self.told += told
        return [kind for kind, _, _ in told]


def test_it_fires_is_told_with_the_next_look_and_only_once() -> None:
    world = World()
    assert [world.look(a=5), world.look(a=6), world.look(a=7)] == [[], ["firing"], []]
    assert world.stand["rule", "a"].value == 7
    assert world.stand["rule", "a"].told == ("till",)


def test_below_the_threshold_nothing_happens() -> None:
    world = World()
    assert world.look(a=4.9) == []
    assert world.stand == {}


def test_it_has_to_hold_for_long_enough() -> None:
    world = World(RULE.model_copy(update={"for_s": 30.0}))
    assert [world.look(a=9), world.look(a=9)] == [[], []]
    assert world.stand["rule", "a"].phase is Phase.PENDING
    assert world.look(a=1) == []
    assert world.stand == {}
    told = [world.look(a=9) for _ in range(4)]
    assert told == [[], [], [], ["firing"]]


def test_its_end_is_told_once_after_a_while_and_remembered() -> None:
    world = World()
    world.look(a=5)
    world.look(a=5)
    told = [kind for _ in range(10) for kind in world.look()]
    assert told == ["resolved"]
    standing = world.stand["rule", "a"]
    assert (standing.phase, standing.told, standing.value) == (Phase.RESOLVED, (), 5)
    for _ in range(3600 // EVERY_S + 1):
        world.look()
    assert world.stand == {}


def test_what_begins_together_is_told_together() -> None:
    world = World(RULE, other=RULE.model_copy(update={"threshold": 50.0}))
    world.look(a=5)
    assert world.look(a=100, b=9) == ["firing"] * 3


def test_it_is_told_again_after_its_quiet_time() -> None:
    world = World(RULE.model_copy(update={"quiet_s": 60.0}))
    told = [world.look(a=5) for _ in range(11)]
    assert told == [[], ["firing"], [], [], [], ["reminder"], [], [], [], ["reminder"], []]


def test_what_is_not_known_changes_nothing() -> None:
    world = World()
    world.look(a=5)
    before = world.stand
    for _ in range(20):
        world.look(known=False)
    assert world.stand["rule", "a"] == replace(before["rule", "a"], is_told=True, told=("till",),
        notified_at=world.stand["rule", "a"].notified_at)  # fmt: skip
    assert [kind for kind, _, _ in world.told] == ["firing"]


def test_a_muted_rule_tells_nothing_new_and_its_end_all_the_same() -> None:
    world = World()
    world.muted = frozenset({"rule"})
    assert [world.look(a=5) for _ in range(3)] == [[], [], []]
    assert [world.look() for _ in range(9)] == [[]] * 9
    assert world.stand == {}
    world.muted = frozenset()
    world.look(a=5)
    assert world.look(a=5) == ["firing"]
    world.muted = frozenset({"rule"})
    assert [kind for _ in range(9) for kind in world.look()] == ["resolved"]


def test_a_mute_that_ends_lets_what_still_fires_be_told() -> None:
    world = World()
    world.muted = frozenset({"rule"})
    world.look(a=5)
    world.look(a=5)
    world.muted = frozenset()
    assert world.look(a=5) == ["firing"]


@pytest.mark.parametrize("change", ["gone", "another condition"])
def test_a_rule_that_goes_ends_what_it_told(change: str) -> None:
    world = World()
    world.look(a=5)
    world.look(a=5)
    world.rules = {} if change == "gone" else {"rule": Alert(when="dead_letters", threshold=99)}
    assert [world.look(a=5), world.look(a=5)] == [[], ["resolved"]]
    world.look(a=5)
    assert world.stand == {}


def test_it_is_low_where_it_falls_to_the_threshold() -> None:
    rule = Alert(when="disk_low", threshold=10)
    world = World(rule)
    world.look(a=10.1)
    assert world.stand == {}
    world.look(a=9.0)
    assert world.stand["rule", "a"].phase is Phase.FIRING


def test_what_flaps_is_told_less_and_less() -> None:
    """Two looks up, six down: by itself each time would be over, and told."""
    world = World()
    for _ in range(4 * 3600 // (8 * EVERY_S)):
        for n in range(8):
            world.look(**({"a": 5.0} if n < 2 else {}))
    assert 2 <= len(world.told) <= 12
    assert sum(kind == "firing" for kind, _, _ in world.told) <= 4


looks = st.lists(
    st.tuples(
        st.sets(st.sampled_from("ab")),
        st.sampled_from(["kept"] * 6 + ["unknown", "lost", "muted", "unmuted", "gone", "back"]),
    ),
    max_size=60,
)
rules = st.builds(
    lambda **given: Alert(when="task_failures", threshold=5, **given),
    for_s=st.sampled_from([0, 20, 40]),
    clear_s=st.sampled_from([0, 20, 60]),
    quiet_s=st.sampled_from([1, 60, 300]),
)


@given(rule=rules, looks=looks)
def test_each_firing_is_told_once_and_so_is_its_end(rule: Alert, looks: list[Any]) -> None:
    world = World(rule)
    for high, what in looks:
        if what in ("muted", "unmuted"):
            world.muted = frozenset({"rule"} if what == "muted" else ())
        if what in ("gone", "back"):
            world.rules = {} if what == "gone" else {"rule": rule}
        values = dict.fromkeys(high, 9.0)
        world.look(known=what != "unknown", lost=what == "lost", **values)
    world.muted = frozenset()
    for _ in range(2 * (300 + 60) // EVERY_S + 3):
        world.look()
    assert all(each.is_told and each.phase is Phase.RESOLVED for each in world.stand.values())
    for subject in "ab":
        mine = [(kind, at) for kind, key, at in world.told if key[1] == subject]
        is_firing, last = False, None
        for kind, at in mine:
            if kind == "reminder":
                assert is_firing
                assert last is not None
                assert at - last >= rule.quiet_s * US_PER_S
            else:
                assert is_firing == (kind == "resolved"), mine
                is_firing = kind == "firing"
            last = at
        assert not is_firing, mine
