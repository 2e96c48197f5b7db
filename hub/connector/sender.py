"""Tools that only send, and sign what they send after a scheme."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.connector.plain import Plain
from hub.connector.reading import parse_body
from hub.model.http import InboundRequest, Pairs
from hub.model.json import Json
from hub.model.scheme import Scheme
from hub.signature import key_of, sign_scheme, verify_scheme


@dataclass(frozen=True, kw_only=True)
class Sender(Plain):
    """A connector for a tool that sends, and takes nothing."""

    scheme: Scheme
    """How it signs."""
    reads: Callable[[InboundRequest], Json] = parse_body

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """After its scheme."""
        verify_scheme(self.scheme, secrets, request, now_s)

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """After its scheme."""
        return sign_scheme(self.scheme, secret, request, now_s)

    def check_secret(self, secret: str) -> None:
        """Whether it can be read as the scheme says."""
        key_of(self.scheme, secret)
