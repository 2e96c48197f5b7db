"""GitHub: repository, organization and app webhooks."""

from urllib.parse import parse_qs

from hub.connector import Connector, Sender, parse_json
from hub.errors import InvalidError
from hub.model.http import InboundRequest
from hub.model.json import Json, loads
from hub.model.scheme import Scheme


def _payload(request: InboundRequest) -> Json:
    """The payload, which GitHub sends as JSON, or as JSON in a form's field."""
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return parse_json(request)
    fields = parse_qs(request.body.decode("utf-8", "replace"), max_num_fields=10)
    if "payload" not in fields:
        raise InvalidError(
            "The form has no field 'payload': set the webhook's content type to application/json.",
            code="payload_missing",
        )
    return loads(fields["payload"][0].encode("utf-8", "surrogatepass"))


CONNECTOR: Connector = Sender(
    name="github",
    scheme=Scheme(header="X-Hub-Signature-256", prefix="sha256="),
    types=("header:X-GitHub-Event",),
    ids=("header:X-GitHub-Delivery",),
    reads=_payload,
)
