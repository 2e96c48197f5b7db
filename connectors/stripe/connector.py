"""Stripe: events, signed with a timestamp."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="stripe",
    scheme=Scheme(
        header="Stripe-Signature",
        field="v1",
        timestamp_field="t",
        signed="{timestamp}.{body}",
    ),
    types=("type",),
    ids=("id",),
)
