"""Shopify: shop and app webhooks."""

from hub.connector import Connector, Sender
from hub.model.scheme import Scheme

CONNECTOR: Connector = Sender(
    name="shopify",
    scheme=Scheme(
        header="X-Shopify-Hmac-Sha256",
        encoding="base64",
    ),
    types=("header:X-Shopify-Topic",),
    ids=("header:X-Shopify-Webhook-Id",),
)
