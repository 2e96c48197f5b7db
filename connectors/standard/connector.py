"""Any sender or receiver that speaks Standard Webhooks, and plain HTTP."""

from hub.connector import Connector, Plain

CONNECTOR: Connector = Plain(name="standard")
