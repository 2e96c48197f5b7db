"""What is asked for outside of ``/v1``: by senders, listeners, browsers and balancers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hub.receive.endpoint import METHODS
from hub.web.downloads import PATH as DOWNLOAD
from hub.web.metrics import OPENMETRICS
from hub.web.metrics import PATH as METRICS
from hub.web.parameters import Parameter, text, whole, word
from hub.web.publishing import NewMessage
from hub.web.shown.access import Published
from hub.web.shown.base import Content, Given
from hub.web.shown.outside import Alive, Ready, Resumed, TakenOrRunning
from hub.web.stream import EVENT_STREAM
from hub.web.wish import MAX_CHANNELS, MAX_S


@dataclass(frozen=True, slots=True)
class Outside:
    """One thing that can be asked for; fields as :class:`hub.web.api.call.Operation` has them."""

    method: str
    path: str
    name: str
    summary: str
    about: str
    security: tuple[str, ...] = ("",)
    """How whoever asks may show who they are; the empty one: not at all."""
    body: Given = None
    optional: bool = False
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    gives: Mapping[int, Given] = field(default_factory=dict)
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    otherwise: str = ""
    """What any other answer is."""


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one kind."""

    name: str
    about: str
    operations: tuple[Outside, ...]


_DOWN = {500: ("internal",), 503: ("store_unavailable",)}
_ANY_BODY = Content(
    (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "text/plain",
        "application/octet-stream",
    ),
    "What the sender has to say.",
)
_IN = Outside(
    "POST",
    "/in/{source}",
    "send",
    "Send something to a source",
    "The source says how its senders are verified, and what they are told.\n"
    "A 2xx means: committed to the database.",
    body=_ANY_BODY,
    optional=True,
    gives={200: TakenOrRunning, 202: TakenOrRunning},
    problems={
        400: ("json_broken", "json_too_deep", "text_broken", "xml_broken", "form_broken"),
        401: (
            *("signature_missing", "signature_wrong", "timestamp_stale"),
            *("token_missing", "token_wrong", "token_expired"),
        ),
        404: ("source_unknown", "connector_unknown"),
        405: ("method_not_allowed",),
        408: ("body_timeout",),
        413: ("body_too_large", "batch_too_long"),
        415: ("content_type_unsupported", "content_encoding_unsupported"),
        422: ("input_invalid",),
        429: ("too_many_requests",),
        431: ("headers_too_large", "headers_too_many"),
        **_DOWN,
    },
    otherwise="What the source's run answers, its failures too, or what the source is set to say.",
)
"""Nothing is said of verification here: each source has its own."""


def _senders() -> tuple[Outside, ...]:
    found = []
    for method in METHODS:
        bare = method == "GET"
        each = replace(
            _IN,
            method=method,
            name=f"send_by_{method.lower()}",
            body=None if bare else _ANY_BODY,
            summary=f"Send something to a source by {method}",
        )
        below = replace(each, path="/in/{source}/{rest}", name=f"{each.name}_below")
        found += [each, below]
    return tuple(found)


_SWITCH = ("1", "0", "true", "false", "")
_CHANNEL = Parameter(
    "channel",
    f"Channels, or patterns where the token allows all that they mean; {MAX_CHANNELS} at most.",
    {"type": "array", "items": {"type": "string"}, "maxItems": MAX_CHANNELS},
)
_LISTEN = Outside(
    "GET",
    "/realtime/{channel}",
    "listen",
    "Listen to a channel (SSE)",
    "Each message is a line of JSON: `id`, `event`, `channel`, `data`, `ts`, `position`.\n"
    "Channels that are public need no token.",
    security=("", "token", "token_in_query", "key"),
    query=(
        _CHANNEL,
        text("last_event_id", "A position to go on from, or `earliest`."),
        whole("limit", "The stream ends after so many messages.", 1, 999_999_999),
        Parameter(
            "max_seconds",
            "And after so many seconds at the latest.",
            {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_S},
        ),
        word("named", "`1`: each message names its event in a line of its own.", _SWITCH),
        word("hello", "`1`: `hello` and `gap` come as messages, too.", _SWITCH),
        word("presence", "`1`: be a member, and hear of the others.", _SWITCH),
    ),
    headers=(text("Last-Event-ID", "As `last_event_id`, which it wins over."),),
    gives={200: Content((EVENT_STREAM,), "What is said, until either side ends it.")},
    problems={
        400: ("channel_invalid", "parameter_invalid"),
        401: ("unauthorized",),
        403: ("forbidden",),
        405: ("method_not_allowed",),
        429: ("too_many_requests",),
        500: ("internal",),
        502: ("keys_unavailable",),
        503: ("store_unavailable", "redis_unavailable", "streams_full"),
    },
)
_SAY = Outside(
    "POST",
    "/realtime/{channel}",
    "say",
    "Publish by a token",
    "For pages and programs that have a token which may publish on the channel.",
    security=("token", "token_in_query", "key"),
    body=NewMessage,
    gives={202: Published},
    problems={
        400: ("channel_invalid", "channel_reserved", "message_invalid", "json_broken"),
        401: ("unauthorized",),
        403: ("forbidden",),
        405: ("method_not_allowed",),
        408: ("body_timeout",),
        413: ("body_too_large", "too_large"),
        415: ("content_type_unsupported", "content_encoding_unsupported"),
        422: ("validation",),
        429: ("too_many_requests",),
        500: ("internal",),
        502: ("keys_unavailable",),
        503: ("store_unavailable", "redis_unavailable"),
    },
)
_RESUME = Outside(
    "POST",
    "/resume/{run}/{token}",
    "resume_run",
    "Answer a run that waits",
    "The URL stands in `run.resume_url`; whoever has it may answer, once.",
    body=replace(_ANY_BODY, about="The answer."),
    optional=True,
    gives={200: Resumed},
    problems={
        400: ("json_unfit",),
        404: ("resume_unknown",),
        405: ("method_not_allowed",),
        408: ("body_timeout",),
        409: ("run_ended", "already_answered"),
        413: ("body_too_large",),
        415: ("content_encoding_unsupported",),
        **_DOWN,
    },
)
_FILE = Outside(
    "GET",
    DOWNLOAD,
    "download_file",
    "Fetch a file by an address that was signed",
    "`POST /v1/files/{id}/url` gives such addresses, whole.",
    query=(
        replace(text("expires", "When it ends, in seconds since 1970."), required=True),
        replace(text("signature", "Made by the hub."), required=True),
    ),
    gives={
        200: Content(("*/*",), "The file, by its own type."),
        206: Content(("*/*",), "The part of it that `Range` asks for."),
        304: None,
    },
    problems={
        404: ("file_url_invalid", "path_unknown"),
        416: ("range_unsatisfiable",),
        500: ("internal",),
        503: ("store_unavailable", "files_unavailable", "file_lost"),
    },
)
GROUPS = (
    Group("in", "What senders call.", _senders()),
    Group(
        "realtime",
        "What is said on channels, live.",
        (
            _LISTEN,
            replace(
                _LISTEN,
                path="/realtime",
                name="listen_to_many",
                summary="Listen to several channels (SSE)",
                query=(replace(_CHANNEL, required=True), *_LISTEN.query[1:]),
            ),
            _SAY,
        ),
    ),
    Group(
        "resume",
        "Runs that wait for a call of their own address.",
        (
            _RESUME,
            replace(_RESUME, method="GET", name="resume_run_by_get", body=None),
        ),
    ),
    Group("downloads", "Files, for whoever has no key.", (_FILE,)),
    Group(
        "health",
        "Whether the hub works.",
        (
            Outside(
                *("GET", "/healthz", "get_health", "See whether the process answers"),
                "For who restarts processes that hang.",
                gives={200: Alive},
            ),
            Outside(
                *("GET", "/readyz", "get_readiness", "See what is down"),
                "For balancers: 503 says that no event can be taken.",
                gives={200: Ready, 503: Ready},
            ),
            Outside(
                *("GET", METRICS, "get_metrics", "Read what is counted"),
                "As Prometheus reads it, or OpenMetrics. A key with the scope `read`, unless "
                "`HUB_METRICS_OPEN` is set.",
                security=("key", ""),
                gives={200: Content(("text/plain", OPENMETRICS), "What is counted.")},
                problems={
                    401: ("unauthorized",),
                    403: ("forbidden",),
                    429: ("too_many_requests",),
                    **_DOWN,
                },
            ),
        ),
    ),
)
