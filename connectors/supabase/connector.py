"""Supabase: database webhooks, and auth hooks, which are signed."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.connector import Connector, Sender
from hub.model.http import InboundRequest, Pairs
from hub.model.scheme import Scheme
from hub.signature import parse_secret, sign_headers, verify_standard


@dataclass(frozen=True, kw_only=True)
class Supabase(Sender):
    """Auth hooks speak Standard Webhooks; their secret has ``v1,`` before it."""

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """Check the signature of Standard Webhooks."""
        keys = [parse_secret(_bare(secret)) for secret in secrets]
        verify_standard(keys, request.headers, request.body, now_s)

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """After Standard Webhooks."""
        message_id = request.headers.get("webhook-id") or f"msg_{int(now_s * 1000)}"
        return sign_headers([parse_secret(_bare(secret))], message_id, int(now_s), request.body)

    def check_secret(self, secret: str) -> None:
        """Whether it is a secret of Standard Webhooks."""
        parse_secret(_bare(secret))


def _bare(secret: str) -> str:
    return secret.strip().removeprefix("v1,")


CONNECTOR: Connector = Supabase(
    name="supabase",
    scheme=Scheme(header="webhook-signature"),  # checked as Standard Webhooks says
    types=("type",),
    ids=("header:webhook-id",),
)
