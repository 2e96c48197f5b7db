"""Every kind of step. A new one is a class in a module of its family, and its name here."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import Discriminator, Tag

from hub.stack.step import Step, canonical
from hub.stack.steps.answers import ReturnResponse
from hub.stack.steps.arrived import GetAllRawInput, VerifySignature
from hub.stack.steps.batches import (
    AggregateRecords,
    BulkEditRecords,
    ClaimRecords,
    CountRecords,
    UpsertRecord,
)
from hub.stack.steps.channels import CreateChannelToken
from hub.stack.steps.control import (
    Break,
    Conditional,
    Continue,
    Parallel,
    Sleep,
    Stop,
    Switch,
    ThrowError,
    TryCatch,
)
from hub.stack.steps.datasets import (
    DownloadDataset,
    GenerateAnalysisReport,
    ProcessDataInChunks,
    UploadResults,
)
from hub.stack.steps.files import KeepFile
from hub.stack.steps.keeping import GetCache, SetCache
from hub.stack.steps.loops import ForEachLoop, WhileLoop
from hub.stack.steps.notices import SendCompletionNotification, SendErrorNotification
from hub.stack.steps.outside import ExternalApiRequest
from hub.stack.steps.queue import (
    DelayProcessing,
    ProcessNextBatch,
    ProcessTaskImmediately,
    QueueTaskForProcessing,
)
from hub.stack.steps.records import (
    AddRecord,
    BulkAddRecords,
    DeleteRecord,
    EditRecord,
    GetRecord,
    QueryAllRecords,
)
from hub.stack.steps.sending import Deliver, EmitEvent, Log, RealtimePublish
from hub.stack.steps.system import GetSystemMetrics, SetProgress
from hub.stack.steps.tasks import BackgroundTask, Call, RunTask
from hub.stack.steps.variables import CreateVariable, UpdateVariable
from hub.stack.steps.waiting import WaitFor

STEPS: dict[str, type[Step]] = {
    "add_record": AddRecord,
    "aggregate_records": AggregateRecords,
    "background_task": BackgroundTask,
    "break": Break,
    "conditional": Conditional,
    "bulk_add_records": BulkAddRecords,
    "bulk_edit_records": BulkEditRecords,
    "claim_records": ClaimRecords,
    "continue": Continue,
    "count_records": CountRecords,
    "create_channel_token": CreateChannelToken,
    "create_variable": CreateVariable,
    "delay_processing": DelayProcessing,
    "delete_record": DeleteRecord,
    "deliver": Deliver,
    "download_dataset": DownloadDataset,
    "edit_record": EditRecord,
    "emit_event": EmitEvent,
    "external_api_request": ExternalApiRequest,
    "for_each_loop": ForEachLoop,
    "generate_analysis_report": GenerateAnalysisReport,
    "get_all_raw_input": GetAllRawInput,
    "get_cache": GetCache,
    "get_record": GetRecord,
    "get_system_metrics": GetSystemMetrics,
    "keep_file": KeepFile,
    "set_progress": SetProgress,
    "log": Log,
    "parallel": Parallel,
    "process_data_in_chunks": ProcessDataInChunks,
    "process_next_batch": ProcessNextBatch,
    "process_task_immediately": ProcessTaskImmediately,
    "query_all_records": QueryAllRecords,
    "queue_task_for_processing": QueueTaskForProcessing,
    "realtime_publish": RealtimePublish,
    "return_response": ReturnResponse,
    "run_task": RunTask,
    "send_completion_notification": SendCompletionNotification,
    "send_error_notification": SendErrorNotification,
    "set_cache": SetCache,
    "sleep": Sleep,
    "stop": Stop,
    "switch": Switch,
    "throw_error": ThrowError,
    "try_catch": TryCatch,
    "update_variable": UpdateVariable,
    "upload_results": UploadResults,
    "upsert_record": UpsertRecord,
    "verify_signature": VerifySignature,
    "wait_for": WaitFor,
    "while_loop": WhileLoop,
}
CALL = "another task"
"""The tag of a step whose function is none of these."""


def _function_of(step: Any) -> str | None:
    name = step.get("function") if isinstance(step, dict) else getattr(step, "function", None)
    if not isinstance(name, str):
        return None
    known = canonical(name)
    return known if known in STEPS else CALL


if TYPE_CHECKING:
    AnyStep: TypeAlias = Step
else:  # made from the table above, so that each step stands once
    _tagged = tuple(Annotated[step, Tag(name)] for name, step in STEPS.items())
    _tagged = (*_tagged, Annotated[Call, Tag(CALL)])
    AnyStep = Annotated[Union[_tagged], Discriminator(_function_of)]  # noqa: UP007 - of a tuple

for _nesting in (
    Conditional,
    ForEachLoop,
    Parallel,
    ProcessDataInChunks,
    Switch,
    TryCatch,
    WhileLoop,
):
    _nesting.model_rebuild(_types_namespace={"AnyStep": AnyStep})

__all__ = ["CALL", "STEPS", "AnyStep", "Call"]
