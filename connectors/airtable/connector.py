"""Airtable: notices that a base has changed."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="airtable",
    scheme=Scheme(
        header="X-Airtable-Content-MAC",
        prefix="hmac-sha256=",
        key_encoding="base64",
    ),
    types=(),
    ids=(),
)
