"""HubSpot: webhooks of apps and of workflows."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.connector import Connector, Sender
from hub.errors import SignatureError
from hub.model.http import InboundRequest
from hub.model.scheme import Scheme
from hub.signature import any_equal, exact

_WRITTEN_OUT = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class HubSpot(Sender):
    """Version 3 of its signatures, and the older two where nothing else is sent."""

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """Check ``X-HubSpot-Signature-v3``, or ``X-HubSpot-Signature`` of version 1 or 2."""
        url = _WRITTEN_OUT.sub(lambda found: chr(int(found[1], 16)), request.url)
        request = replace(request, url=url)
        older = request.headers.get("x-hubspot-signature")
        if request.headers.get("x-hubspot-signature-v3") or not older:
            super().verify(secrets, request, now_s)
            return
        version = (request.headers.get("x-hubspot-signature-version") or "v1").strip()
        before = exact(request.method + url) if version == "v2" else b""
        expected = (
            exact(hashlib.sha256(exact(secret) + before + request.body).hexdigest())
            for secret in secrets
        )
        if not any_equal(expected, [exact(older.strip().lower())]):
            raise SignatureError(
                "The signature does not fit. Give the source the app's client secret, and set "
                "HUB_PUBLIC_URL to the beginning of the address that HubSpot calls: it is signed.",
                code="signature_wrong",
            )


CONNECTOR: Connector = HubSpot(
    name="hubspot",
    scheme=Scheme(
        header="X-HubSpot-Signature-v3",
        encoding="base64",
        signed="{method}{url}{body}{timestamp}",
        timestamp_header="X-HubSpot-Request-Timestamp",
        timestamp_unit="ms",
    ),
    types=("subscriptionType", "0.subscriptionType"),
)
