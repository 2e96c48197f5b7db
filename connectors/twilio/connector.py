"""Twilio: calls and messages, signed over the address and the form's fields."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from hub.connector import Connector, Sender
from hub.errors import SignatureError
from hub.model.http import InboundRequest, Pairs
from hub.model.scheme import Scheme
from hub.signature import any_equal, exact, hmac_base64

_PORTS = {"https": 443, "http": 80}
_MOST_FIELDS = 1000


@dataclass(frozen=True, kw_only=True)
class Twilio(Sender):
    """Its signature is over the address as Twilio calls it, then each field's name and value."""

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """Check ``X-Twilio-Signature``; of a body in JSON also the hash in the address."""
        given = request.headers.get("x-twilio-signature")
        if not given:
            raise SignatureError("X-Twilio-Signature is missing.", code="signature_missing")
        texts = [url + _fields_of(request) for url in _spellings(request.url)]
        expected = (
            exact(hmac_base64(exact(secret), exact(text), "sha1"))
            for secret in secrets
            for text in texts
        )
        if not any_equal(expected, [exact(given.strip())]) or not _hash_fits(request):
            raise SignatureError(
                "The signature does not fit. Give the source the account's auth token, and set "
                "HUB_PUBLIC_URL to the beginning of the address that Twilio calls: it is signed.",
                code="signature_wrong",
            )

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """As Twilio does."""
        text = request.url + _fields_of(request)
        return ((self.scheme.header, hmac_base64(exact(secret), exact(text), "sha1")),)


def _fields_of(request: InboundRequest) -> str:
    """The form's fields by name, and values that are sent twice once."""
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return ""
    text = request.body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return "".join(name + value for name, value in sorted(set(pairs)))


def _spellings(url: str) -> Iterator[str]:
    """The address with its port and without: Twilio is of two minds."""
    yield url
    parts = urlsplit(url)
    host, _, port = parts.netloc.partition(":")
    if port:
        yield urlunsplit(parts._replace(netloc=host))
    elif parts.scheme in _PORTS:
        yield urlunsplit(parts._replace(netloc=f"{host}:{_PORTS[parts.scheme]}"))


def _hash_fits(request: InboundRequest) -> bool:
    wanted = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    return wanted is None or any_equal(
        [exact(hashlib.sha256(request.body).hexdigest())], [exact(wanted[0].lower())]
    )


CONNECTOR: Connector = Twilio(
    name="twilio",
    scheme=Scheme(header="X-Twilio-Signature", algorithm="sha1", encoding="base64"),
    types=("CallStatus", "SmsStatus", "MessageStatus", "Type"),
    ids=("header:I-Twilio-Idempotency-Token",),
)
