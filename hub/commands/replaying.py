"""``hub replay``: an event or a run once more, by the stacks as they are; or what that would do."""

import sys

from hub.bootstrap import current_ledger, load_connectors, load_functions
from hub.model.json import Json, dumps_text
from hub.receive.replay import Replay, Replayer
from hub.settings import Settings, variables
from hub.simulate.preview import Preview
from hub.store.catalog import Catalog
from hub.store.control import REPLAY_EVENT, ReplayEvent
from hub.store.ledger import Ledger
from hub.store.runs import START

_WIDTH = 160


async def replay(
    settings: Settings, target: str, task: str | None, *, dry_run: bool, as_json: bool
) -> None:
    """Replay what an id names, and print what was begun; or a preview.

    A hub that is running takes the runs up within a second.

    Raises:
        HubError: it cannot be replayed, and why.
    """
    load_functions()
    connectors = load_connectors()
    async with current_ledger(settings) as ledger:
        catalog = Catalog(ledger, variables())
        await catalog.refresh()
        replayer = Replayer(ledger, catalog, connectors, settings.timezone)
        is_run = target.startswith("run_")
        replays = (
            [await replayer.of_run(target)] if is_run else await replayer.of_event(target, task)
        )
        if dry_run:
            preview = Preview(ledger, catalog, connectors, settings.timezone)
            previews = [await preview.of(each) for each in replays]
            _print(previews) if as_json else _show(previews)
        else:
            ids = await _begin(ledger, target, replays, is_run=is_run)
            _print({"runs": ids}) if as_json else sys.stdout.write("".join(f"{i}\n" for i in ids))


async def _begin(ledger: Ledger, target: str, replays: list[Replay], *, is_run: bool) -> list[str]:
    starts = tuple(each.start for each in replays)
    if is_run:
        return [await ledger.write(START, each) for each in starts]
    await ledger.write(REPLAY_EVENT, ReplayEvent(target, starts))
    return [each.id for each in starts]


def _print(value: Json) -> None:
    sys.stdout.write(dumps_text(value) + "\n")


def _show(previews: list[dict[str, Json]]) -> None:
    for each in previews:
        lines = [f"{each['task']}: {_word(each)}"]
        endings = [(name, each[name]) for name in ("recorded", "then", "now")]
        lines += [f"  {name:<9} {_ending(told)}" for name, told in endings if told is not None]
        for found in each["differences"]:
            lines += [
                f"  {sign} {found['kind']:<8} {_short(found[side])}"
                for sign, side in (("-", "then"), ("+", "now"))
                if found[side] is not None
            ]
        if each["omitted"]:
            lines.append(f"  and {each['omitted']} more")
        lines += [f"  no answer is known of {url}: taken as 200" for url in each["assumed"]]
        lines += [f"  of table {name} the newest records alone" for name in each["partial"]]
        sys.stdout.write("\n".join(lines) + "\n")


def _word(preview: dict[str, Json]) -> str:
    if preview["then"] is None:
        return "nothing to compare with"
    return "the same as before" if preview["same"] else "differs"


def _ending(told: dict[str, Json]) -> str:
    if told["failure"] is not None:
        return f"{told['status']}: {told['failure']['code']}: {told['failure']['message']}"
    return f"{told['status']} {_short(told['result'])}"


def _short(value: Json) -> str:
    text = dumps_text(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
