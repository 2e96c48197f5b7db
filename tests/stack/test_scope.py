"""What expressions of a stack learn of the hub around them."""

from tests.stack.make import answer, only_if
from tests.stack.world import World, ran


async def test_a_stack_tells_the_time_in_the_hub_s_zone() -> None:
    body = "{{format_date('2026-07-01T00:30:00Z', 'Y-m-d H:i')}}"
    assert (await ran(answer(body))).result == "2026-07-01 00:30"
    world = World(zone="America/New_York")
    assert (await ran(answer(body), world=world)).result == "2026-06-30 20:30"


async def test_a_stack_knows_the_delay_of_a_lane() -> None:
    body = "{{map(['high', 'urgent', null], get_priority_delay(item))}}"
    assert (await ran(answer(body))).result == [0, 0, 0]
    world = World(lanes={"high": 1, "normal": 30, "low": 300})
    assert (await ran(answer(body), world=world)).result == [1, 30, 30]


async def test_a_stack_chooses_among_rows_by_its_own_variables() -> None:
    given = {"orders": [{"total": 5}, {"total": 20}], "least": 10}
    body = "{{sum(filter(orders, item.total >= least), 'total')}}"
    assert (await ran(answer(body), given=given)).result == 20
    step = only_if("{{some(orders, item.total > 100)}}", answer("rich"))
    assert (await ran(step, answer("poor"), given=given)).result == "poor"
