"""n8n: Webhook and Wait nodes as destinations, the HTTP Request node as a sender."""

import re
from urllib.parse import urlsplit

from hub.connector import (
    Connector,
    Outcome,
    Parsed,
    Reading,
    Verdict,
    classify_by_text,
    event_type,
    parse_content,
    quoted,
    reading_as_verdict,
    text_of,
)
from hub.errors import InvalidError
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json, loads

FAILED = "workflow.failed"
LIMIT_BYTES = 16 * 1024 * 1024
_LOOKS_LIKE_JSON = re.compile(rb'\s*(?:\[|\{\s*["}])')

# What n8n's answers mean: seen on a running n8n 2.41, and read in its source.
_CREDENTIAL = "Set this destination's auth to the credential of the Webhook node."

_STARTING = Reading(
    200,
    "n8n is starting up",
    Outcome.BACK_PRESSURE,
    "Nothing ran, although the status says so; n8n needs some seconds.",
    10.0,  # after this page its webhooks answer 404 for another 6 seconds
)

_READINGS = (
    Reading(401, "", Outcome.REFUSED, _CREDENTIAL),
    Reading(
        403,
        "not whitelisted",
        Outcome.REFUSED,
        "Add the hub's address to the Webhook node's IP(s) Whitelist; "
        "behind a proxy n8n needs N8N_PROXY_HOPS.",
    ),
    Reading(403, "", Outcome.REFUSED, _CREDENTIAL),
    Reading(
        404,
        "is not registered for",
        Outcome.RETRY,
        "The hub sends POST: change the Webhook node's HTTP Method to it (n8n's default is GET). "
        "What waits goes out by itself then.",
    ),
    Reading(
        404,
        "is not registered",
        Outcome.RETRY,
        "n8n says the same for some seconds after it starts. "
        "What waits goes out once the workflow is active.",
    ),
    Reading(
        404,
        "",
        Outcome.RETRY,
        "Nothing answers at this address: check it, or n8n is about to start.",
    ),
    Reading(
        413,
        "",
        Outcome.REFUSED,
        "A proxy in front of n8n takes no bodies of this size: raise its limit.",
    ),
    Reading(
        422,
        "",
        Outcome.REFUSED,
        "n8n could not read the body: send JSON, or a content type that fits.",
    ),
    Reading(
        500,
        "error in workflow",
        Outcome.RETRY,
        "The workflow started and failed on this payload: see Executions in n8n.",
    ),
    Reading(
        500,
        "problem executing the workflow",
        Outcome.RETRY,
        "n8n did not start the workflow. It says so of a body above its limit "
        "(N8N_PAYLOAD_SIZE_MAX, 16 MiB) or one that is packed wrongly too.",
    ),
    Reading(
        500,
        "could not be started",
        Outcome.RETRY,
        "The workflow did not start: open it in n8n, and look for nodes with a warning.",
    ),
    Reading(
        500,
        "no authentication data",
        Outcome.RETRY,
        "Choose a credential on the Webhook node.",
    ),
    Reading(
        504,
        "",
        Outcome.UNKNOWN,
        "A proxy stopped waiting, and the workflow may have run all the same: "
        "let the Webhook node respond immediately.",
    ),
    Reading(
        524,
        "",
        Outcome.UNKNOWN,
        "The workflow may have run all the same: let the Webhook node respond immediately.",
    ),
)

_PAGES = ("/workflow/", "/home/", "/projects/")
_TEST_URL = (
    "This is the Test URL: it takes one call, within 120 seconds after a click on 'Listen for test "
    "event'. Copy the Production URL (/webhook/) for anything else."
)
_PAGE = "This is a page of n8n, not a webhook: copy the Production URL of the Webhook node."
_WEBHOOK_PATHS = ("/webhook/", "/webhook-test/", "/webhook-waiting/")


class N8n:
    """What n8n sends, takes and means."""

    name = "n8n"

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, or the query; the type stands in ``event`` or ``type``."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "event", "type") or _failed(value))

    def knows(self, host: str, path: str) -> bool:
        """n8n's cloud, and the paths of its webhooks anywhere."""
        return host.endswith(".n8n.cloud") or path.startswith(_WEBHOOK_PATHS)

    def check(self, url: str) -> tuple[str, ...]:
        """A Test URL takes one call; a page of the editor is no webhook."""
        path = urlsplit(url).path
        if "/webhook-test/" in path:
            return (_TEST_URL,)
        return (_PAGE,) if path.startswith(_PAGES) else ()

    def headers(self, payload: bytes) -> Pairs:
        """Plain ``application/json``: with any other JSON type the node's body stays empty."""
        return (("content-type", "application/json"),) if _LOOKS_LIKE_JSON.match(payload) else ()

    def limit_bytes(self) -> int | None:
        """n8n's own default (``N8N_PAYLOAD_SIZE_MAX``)."""
        return LIMIT_BYTES

    def classify(self, response: OutboundResponse) -> Verdict:
        """By n8n's texts: it has few statuses and means much by each."""
        said = _said(response)
        if 200 <= response.status < 300 and _is_starting(response, said):
            return reading_as_verdict(_STARTING, response, said)
        return classify_by_text(_READINGS, response, said)


def _failed(value: Json) -> str | None:
    """The type of what an Error Trigger gives: an execution that failed, and its workflow."""
    item = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(item, dict) or not isinstance(item.get("workflow"), dict):
        return None
    execution = item.get("execution")
    return FAILED if isinstance(execution, dict) and "error" in execution else None


def _is_starting(response: OutboundResponse, said: str) -> bool:
    kind = (response.headers.get("content-type") or "").strip().lower()
    return kind.startswith("text/html") and _STARTING.phrase in said.lower()


def _said(response: OutboundResponse) -> str:
    """The message and hint of n8n's answers in JSON, otherwise the beginning of the text."""
    if response.status < 300:
        return text_of(response)
    try:
        value: Json = loads(response.body)
    except InvalidError:
        return text_of(response)
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        return text_of(response)
    hint = value.get("hint")
    return quoted(f"{value['message']} {hint}" if isinstance(hint, str) else value["message"])


CONNECTOR: Connector = N8n()
