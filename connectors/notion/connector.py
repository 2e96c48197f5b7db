"""Notion: changes of pages, data sources and comments."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="notion",
    scheme=Scheme(
        header="X-Notion-Signature",
        prefix="sha256=",
    ),
    types=("type",),
    ids=("id",),
)
