"""Calendly: invitees and routing forms."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="calendly",
    scheme=Scheme(
        header="Calendly-Webhook-Signature",
        field="v1",
        timestamp_field="t",
        signed="{timestamp}.{body}",
    ),
    types=("event",),
    ids=(),
)
