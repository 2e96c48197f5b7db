"""Notice: what is told when a run has ended, or says itself that its work is over."""

from hub.model.json import Json
from hub.model.time import to_iso


def notice_of(
    status: str,
    at_us: int,
    *,
    id: str,  # noqa: A002 - as it is called in the notice
    task: str,
    result: Json,
    failure: Json,
    event_id: str | None,
    parent: str | None,
    **more: Json,
) -> dict[str, Json]:
    """``{type, timestamp, data}``, as Standard Webhooks has it; ``type`` is ``run.{status}``.

    ``failure`` is ``{code, message, step}``; ``more`` goes into ``data`` too.
    """
    data = {
        "id": id,
        "task": task,
        "status": status,
        "result": result,
        "failure": failure,
        "event_id": event_id,
        "parent": parent,
        **more,
    }
    return {"type": f"run.{status}", "timestamp": to_iso(at_us), "data": data}
