"""``docs/steps.md``."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from hub.documentation.examples import EXAMPLES
from hub.stack.places import keys_of
from hub.stack.step import Step
from hub.stack.steps import STEPS

_FAMILIES = {
    "records": "Records",
    "batches": "Records",
    "waiting": "Waiting for somebody",
    "control": "Choosing and ending",
    "loops": "Repeating",
    "variables": "Variables",
    "tasks": "Tasks",
    "outside": "Requests",
    "sending": "Deliveries, messages, events",
    "notices": "Deliveries, messages, events",
    "channels": "Deliveries, messages, events",
    "arrived": "What came",
    "system": "The hub itself",
    "answers": "Answers",
    "queue": "The queue of tasks",
    "keeping": "Values that are kept",
    "datasets": "Data sets and files",
    "files": "Data sets and files",
}
_COMMON = tuple(Step.model_fields)


def steps_page() -> str:
    """The page: each step with its fields and an example, by families."""
    lines = [
        "# Steps",
        "",
        "Made from `hub/stack/steps`; do not edit.",
        "A field may hold [expressions](functions.md) wherever it says *any*.",
        "Each example runs as it stands; `hub run FILE` shows it.",
        "",
        "Every step takes these fields:",
        "",
        *_table(Step, _COMMON),
        "",
    ]
    for title in dict.fromkeys(_FAMILIES.values()):
        lines += [f"## {title}", ""]
        for name, model in STEPS.items():
            if _family(model) == title:
                lines += _step(name, model)
    return "\n".join(lines)


def _family(model: type[Step]) -> str:
    """The title under which a step stands: that of its module."""
    return _FAMILIES[model.__module__.removeprefix("hub.stack.steps.")]


def _step(name: str, model: type[Step]) -> Iterator[str]:
    about = " ".join((inspect.getdoc(model) or "").split()).replace("``", "`")
    yield from (f"### {name}", "", about, "")
    own = [each for each in model.model_fields if each not in _COMMON]
    if own:
        yield from (*_table(model, own), "")
    yield from ("```js", EXAMPLES[name].strip("\n"), "```", "")


def _table(model: type[Step], names: Any) -> Iterator[str]:
    yield "| field | kind | meaning |"
    yield "|---|---|---|"
    for name in names:
        if name == "function":
            continue
        field = model.model_fields[name]
        first, *others = dict.fromkeys(keys_of(model, name)) if name != "if_" else ["if"]
        also = f" (also {', '.join(f'`{each}`' for each in others)})" if others else ""
        needed = "**" if field.is_required() else ""
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| {needed}`{first}`{needed} | {_kind(field)} | {meaning}{also} |"


def _kind(field: FieldInfo) -> str:
    text = str(field.annotation)
    if "AnyStep" in text or "Step" in text:
        return "stacks" if "dict" in text or "tuple[tuple" in text else "stack"
    if "Compiled" in text:
        return "any"
    if any(each in text for each in ("Retry", "Selection", "Fields")):
        return "object"
    if "Literal" in text:
        return " or ".join(f"`{each}`" for each in get_args(field.annotation))
    return {"str": "text", "int": "number", "bool": "true or false"}.get(
        text.removeprefix("<class '").removesuffix("'>").partition(" ")[0], "text"
    )
