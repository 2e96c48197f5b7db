"""A hub has a time zone, and its stacks tell the time in it."""

from pathlib import Path

from tests.program import embedded_hub

REPORT = """
{ task: "report", function_stack: [
  { function: "return_response", body: {
      day: "{{format_date(input.at, 'Y-m-d H:i T')}}",
      began: "{{start_of_day(input.at)}}",
      utc: "{{format_date(input.at, 'Y-m-d H:i', 'UTC')}}",
      delay: "{{get_priority_delay('low')}}",
  } },
] }
"""


async def test_dates_in_stacks_are_of_the_hub_s_time_zone(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path, timezone="Asia/Tokyo") as hub:
        await hub.put("/v1/stacks/report", REPORT)
        answer = await hub.api.post(
            "/v1/tasks/report/runs",
            json={"input": {"at": "2026-03-05T17:20:30Z"}, "wait_s": 10},
        )
        assert answer.json()["result"] == {
            "day": "2026-03-06 02:20 JST",
            "began": "2026-03-05T15:00:00.000000Z",
            "utc": "2026-03-05 17:20",
            "delay": 0,
        }
