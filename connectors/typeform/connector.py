"""Typeform: responses to forms."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="typeform",
    scheme=Scheme(
        header="Typeform-Signature",
        encoding="base64",
        prefix="sha256=",
    ),
    types=("event_type",),
    ids=("event_id",),
)
