"""Proof: what a sender adds to a request so that a source takes it; for trying sources out."""

import base64

import jwt

from hub.connector import Connector, Signs
from hub.errors import InvalidError
from hub.model.http import InboundRequest, Pairs
from hub.model.ids import new_id
from hub.model.source import (
    Source,
    VerifyBasic,
    VerifyHeader,
    VerifyHmac,
    VerifyJwt,
    VerifyKey,
    VerifyPreset,
    VerifyStandard,
)
from hub.signature import parse_secret, sign_headers, sign_scheme

_LASTS_S = 60


def proof(source: Source, connector: Connector, request: InboundRequest, now_s: float) -> Pairs:
    """The header fields that the source's setting asks for, made with its first secret.

    Raises:
        InvalidError: ``proof_impossible``: only the sender itself can make them.
    """
    match source.verify:
        case VerifyHeader(header=header, secrets=secrets):
            return ((header, secrets[0]),)
        case VerifyBasic(user=user, secrets=secrets):
            pair = base64.b64encode(f"{user}:{secrets[0]}".encode()).decode()
            return (("authorization", f"Basic {pair}"),)
        case VerifyStandard(secrets=secrets):
            return sign_headers([parse_secret(secrets[0])], new_id("msg"), int(now_s), request.body)
        case VerifyHmac(secrets=secrets) as scheme:
            return sign_scheme(scheme, secrets[0], request, now_s)
        case VerifyJwt(secrets=secrets) as setting if secrets:
            return (("authorization", f"Bearer {_token(setting, now_s)}"),)
        case VerifyKey():
            raise _impossible("whoever has an API key with the scope 'ingest'")
        case VerifyJwt():
            raise _impossible("whoever holds the private key")
        case VerifyPreset(secrets=secrets):
            if not isinstance(connector, Signs):
                raise _impossible(connector.name)
            return connector.sign(secrets[0], request, now_s)
    return ()


def _token(setting: VerifyJwt, now_s: float) -> str:
    claims = {"sub": "hub", "exp": int(now_s) + _LASTS_S}
    named = {"iss": setting.issuer, "aud": setting.audience}
    claims |= {name: value for name, value in named.items() if value is not None}
    return jwt.encode(claims, setting.secrets[0], algorithm="HS256")


def _impossible(who: str) -> InvalidError:
    return InvalidError(
        f"Only {who} can prove a request to this source: have it send a test of its own.",
        code="proof_impossible",
    )
