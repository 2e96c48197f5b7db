"""Every kind of step. A new one is a class in a module of its family, and its name here."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import Discriminator, Tag

from hub.stack.step import Step
from hub.stack.steps.control import Conditional, ForEachLoop
from hub.stack.steps.outward import BackgroundTask, Deliver, RealtimePublish, ReturnResponse
from hub.stack.steps.records import AddRecord, EditRecord, GetRecord, QueryAllRecords
from hub.stack.steps.variables import CreateVariable, UpdateVariable

STEPS: dict[str, type[Step]] = {
    "add_record": AddRecord,
    "background_task": BackgroundTask,
    "conditional": Conditional,
    "create_variable": CreateVariable,
    "deliver": Deliver,
    "edit_record": EditRecord,
    "for_each_loop": ForEachLoop,
    "get_record": GetRecord,
    "query_all_records": QueryAllRecords,
    "realtime_publish": RealtimePublish,
    "return_response": ReturnResponse,
    "update_variable": UpdateVariable,
}


def _function_of(step: Any) -> str | None:
    name = step.get("function") if isinstance(step, dict) else getattr(step, "function", None)
    return name if isinstance(name, str) else None


if TYPE_CHECKING:
    AnyStep: TypeAlias = Step
else:  # made from the table above, so that each step stands once
    _tagged = tuple(Annotated[step, Tag(name)] for name, step in STEPS.items())
    AnyStep = Annotated[Union[_tagged], Discriminator(_function_of)]  # noqa: UP007 - of a tuple

for _nesting in (Conditional, ForEachLoop):
    _nesting.model_rebuild(_types_namespace={"AnyStep": AnyStep})

__all__ = ["STEPS", "AnyStep"]
