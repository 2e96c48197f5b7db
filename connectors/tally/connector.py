"""Tally: responses to forms."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="tally",
    scheme=Scheme(
        header="Tally-Signature",
        encoding="base64",
    ),
    types=("eventType",),
    ids=("eventId",),
)
