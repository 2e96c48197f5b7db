"""Steps for the tests of stacks, as they stand in a document."""

from typing import Any


def let(name: str, value: Any) -> dict[str, Any]:
    return {"function": "create_variable", "name": name, "value": value}


def add(table: str, data: Any) -> dict[str, Any]:
    return {"function": "add_record", "table": table, "data": data}


def edit(table: str, record_id: Any, data: Any) -> dict[str, Any]:
    return {"function": "edit_record", "table": table, "record_id": record_id, "data": data}


def get(table: str, **fields: Any) -> dict[str, Any]:
    return {"function": "get_record", "table": table, **fields}


def query(table: str, **fields: Any) -> dict[str, Any]:
    return {"function": "query_all_records", "table": table, **fields}


def deliver(payload: Any) -> dict[str, Any]:
    return {"function": "deliver", "destination": "till", "payload": payload}


def deliver_each(items: Any) -> dict[str, Any]:
    return {"function": "deliver", "destination": "till", "items": items}


def publish(data: Any = None, channel: Any = "orders", event: Any = "placed") -> dict[str, Any]:
    return {"function": "realtime_publish", "channel": channel, "event": event, "data": data}


def start(task: Any = "ship", **fields: Any) -> dict[str, Any]:
    return {"function": "background_task", "task": task, **fields}


def each(array: Any, *steps: Any) -> dict[str, Any]:
    return {"function": "for_each_loop", "array": array, "function_stack": steps}


def at_once(array: Any, *steps: Any, most: Any = 10, **fields: Any) -> dict[str, Any]:
    """A loop whose rounds go on side by side."""
    return {**each(array, *steps), "concurrency": most, **fields}


def parallel(*stacks: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "parallel", "stacks": stacks, **fields}


def repeat(condition: Any, *steps: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "while_loop", "condition": condition, "function_stack": steps, **fields}


BREAK = {"function": "break"}
CONTINUE = {"function": "continue"}
STOP = {"function": "stop"}


def attempt(steps: Any, caught: Any = (), last: Any = ()) -> dict[str, Any]:
    stacks = {"try_stack": steps, "catch_stack": caught, "finally_stack": last}
    return {"function": "try_catch", **stacks}


def throw(message: Any = "Thrown.", **fields: Any) -> dict[str, Any]:
    return {"function": "throw_error", "message": message, **fields}


def switch(variable: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "switch", "variable": variable, **fields}


def sleep(seconds: Any) -> dict[str, Any]:
    return {"function": "sleep", "seconds": seconds}


def call(function: str, **fields: Any) -> dict[str, Any]:
    """A step whose function is a task, or that of a plug-in."""
    return {"function": function, **fields}


def run_task(task: Any, data: Any = None, **fields: Any) -> dict[str, Any]:
    return {"function": "run_task", "task": task, "data": data, **fields}


def ask(url: Any = "https://api.example.com/", **fields: Any) -> dict[str, Any]:
    return {"function": "external_api_request", "url": url, **fields}


def note(expression: str) -> dict[str, Any]:
    """Appends a value to the variable ``seen``."""
    return let("seen", f"{{{{append(seen, {expression})}}}}")


def choose(condition: Any, yes: Any = (), no: Any = ()) -> dict[str, Any]:
    return {"function": "conditional", "condition": condition, "true_stack": yes, "false_stack": no}


def answer(body: Any) -> dict[str, Any]:
    return {"function": "return_response", "body": body}


def into(name: str, step: dict[str, Any]) -> dict[str, Any]:
    """The step, with its result bound to that name."""
    return {**step, "as": name}


def only_if(condition: Any, step: dict[str, Any]) -> dict[str, Any]:
    """The step, with that guard."""
    return {**step, "if": condition}
