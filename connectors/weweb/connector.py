"""WeWeb: its REST API plugin as a sender, straight from the visitor's browser."""

from hub.connector import WEWEB, Connector, Plain

CONNECTOR: Connector = Plain(
    name="weweb",
    types=("event", "type"),
    pages=(WEWEB,),  # its editor and previews; a site's own domain is set on the source
)
