"""The request of an attempt: what a delivery, its destination and its connector say together."""

import base64

from hub.connector import Connector
from hub.model.delivery import ClaimedDelivery
from hub.model.destination import (
    AuthApiKey,
    AuthBasic,
    AuthBearer,
    AuthHeader,
    AuthJwt,
    AuthOAuth2,
    Destination,
    Sign,
    SignHmac,
)
from hub.model.http import Headers, InboundRequest, OutboundRequest, Pairs
from hub.signature import parse_signing_key, sign_headers, sign_jwt, sign_scheme


def request_of(
    delivery: ClaimedDelivery,
    destination: Destination,
    connector: Connector,
    timestamp_s: int,
    token: str | None = None,
) -> OutboundRequest:
    """The request of an attempt. Id and key are the same each time, the signature is fresh.

    ``token`` is the one that the destination's authorization server gave, if it has one.
    Of two fields with one name the later counts: nobody's stands in place of the hub's.
    """
    headers: list[tuple[str, str]] = [*destination.headers.items()]
    headers += connector.headers(delivery.body)
    headers += _auth(destination, timestamp_s, token)
    headers.append(("content-type", delivery.content_type))
    headers.append(("idempotency-key", delivery.idempotency_key))
    headers.append(("webhook-id", delivery.id))
    headers += _signed(delivery, destination, timestamp_s)
    return OutboundRequest("POST", destination.url, _last_of_each(headers), delivery.body)


def _signed(delivery: ClaimedDelivery, destination: Destination, timestamp_s: int) -> Pairs:
    match destination.signing_at(timestamp_s):
        case Sign(secrets=secrets):
            keys = [parse_signing_key(secret) for secret in secrets]
            return sign_headers(keys, delivery.id, timestamp_s, delivery.body)
        case SignHmac(secrets=(secret, *others)) as scheme:
            own = ((scheme.id_header, delivery.id),) if scheme.id_header is not None else ()
            request = InboundRequest(
                "POST", "", "", Headers(own), delivery.body, "", destination.url
            )
            return (*own, *sign_scheme(scheme, secret, request, timestamp_s, others))
    return ()


def _auth(destination: Destination, timestamp_s: int, token: str | None) -> Pairs:
    match destination.auth:
        case AuthHeader(name=name, value=value):
            return ((name, value),)
        case AuthBasic(user=user, password=password):
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            return (("authorization", f"Basic {pair}"),)
        case AuthApiKey(key=key):
            return (("x-make-apikey", key),)
        case AuthBearer(token=fixed):
            return _bearer(fixed)
        case AuthJwt() as auth:
            times = {"iat": timestamp_s, "exp": timestamp_s + auth.ttl_s}
            return _bearer(sign_jwt(auth.key, auth.algorithm, {**auth.claims, **times}))
        case AuthOAuth2():
            return _bearer(token) if token is not None else ()
        case None:
            return ()


def _bearer(token: str) -> Pairs:
    return (("authorization", f"Bearer {token}"),)


def _last_of_each(headers: list[tuple[str, str]]) -> Pairs:
    return tuple({name.lower(): (name.lower(), value) for name, value in headers}.values())
