"""Paddle: notifications of Paddle Billing."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="paddle",
    scheme=Scheme(
        header="Paddle-Signature",
        field="h1",
        timestamp_field="ts",
        separator=";",
        signed="{timestamp}:{body}",
    ),
    types=("event_type",),
    ids=("event_id",),
)
