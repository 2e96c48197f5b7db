"""Slack: incoming webhooks as destinations; events, commands and buttons as a sender."""

from collections.abc import Sequence

from hub.connector import (
    Connector,
    Outcome,
    Parsed,
    Reading,
    Reply,
    Sender,
    Verdict,
    classify_by_text,
    parse_body,
    text_of,
)
from hub.errors import InvalidError
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json, loads
from hub.model.scheme import Scheme

_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_RATE_WAIT_S = 1.0  # Slack takes one message a second of a webhook
_MOST_TEXT = 39_000
_MADE_AGAIN = "Make the webhook again in the app's settings, and set the new address."

_READINGS = (
    Reading(
        400,
        "",
        Outcome.REFUSED,
        'Slack takes {"text": "…"}, or blocks that its Block Kit Builder shows without a fault.',
    ),
    Reading(403, "action_prohibited", Outcome.REFUSED, "An admin of the workspace forbids it."),
    Reading(403, "", Outcome.GONE, _MADE_AGAIN),
    Reading(404, "channel_not_found", Outcome.REFUSED, "The channel of the webhook is gone."),
    Reading(404, "", Outcome.GONE, _MADE_AGAIN),
    Reading(410, "", Outcome.GONE, "The channel is archived: bring it back, or choose another."),
    Reading(429, "", Outcome.BACK_PRESSURE, "Slack takes one message a second.", _RATE_WAIT_S),
    Reading(500, "rollup_error", Outcome.RETRY, "Slack could not unfold the message."),
)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _read(request: InboundRequest) -> Json:
    """A JSON body, or a form: of buttons and dialogs what stands in its field ``payload``."""
    value = parse_body(request)
    if isinstance(value, dict) and isinstance(value.get("payload"), str) and len(value) == 1:
        return loads(value["payload"].encode("utf-8", "surrogatepass"))
    return value


_INBOUND = Sender(
    name="slack",
    scheme=Scheme(
        header="X-Slack-Signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="X-Slack-Request-Timestamp",
    ),
    types=("event.type", "command", "type"),
    ids=("event_id", "trigger_id"),
    reads=_read,
)


class Slack:
    """What Slack sends, takes and means."""

    name = "slack"

    def parse(self, request: InboundRequest) -> Parsed:
        """An event, a slash command, or what somebody pressed."""
        return _INBOUND.parse(request)

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """By ``X-Slack-Signature``; the secrets are apps' signing secrets."""
        _INBOUND.verify(secrets, request, now_s)

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """As Slack does."""
        return _INBOUND.sign(secret, request, now_s)

    def check_secret(self, secret: str) -> None:
        """Any text."""
        _INBOUND.check_secret(secret)

    def challenge(self, request: InboundRequest) -> Reply | None:
        """The question that Slack asks when an address for events is entered."""
        try:
            value = parse_body(request)
        except InvalidError:
            return None
        if not isinstance(value, dict) or value.get("type") != "url_verification":
            return None
        answer = value.get("challenge")
        return Reply(answer) if isinstance(answer, str) and len(answer) <= 1000 else None

    def knows(self, host: str, path: str) -> bool:
        """The hosts of incoming webhooks."""
        return host in _HOSTS

    def headers(self, payload: bytes) -> Pairs:
        """None: the address is the secret."""
        return ()

    def say(self, title: str, text: str) -> Json:
        """A message in Slack's mrkdwn, in which three characters mean something."""
        return {"text": f"*{_plain(title)}*\n{_plain(text)}"[:_MOST_TEXT]}

    def limit_bytes(self) -> int | None:
        """None is told; a text is cut off after 40,000 characters."""
        return None

    def classify(self, response: OutboundResponse) -> Verdict:
        """By Slack's words: it answers plain texts such as ``no_service``."""
        return classify_by_text(_READINGS, response, text_of(response))


CONNECTOR: Connector = Slack()
