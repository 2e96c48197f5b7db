"""Keys that an issuer publishes: a JSON Web Key Set (RFC 7517), read with distrust."""

from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hub.errors import InvalidError
from hub.model.json import Json
from hub.signature.tokens import PUBLIC_ALGORITHMS, TokenKey

MOST_KEYS = 100
_RSA = tuple(each for each in PUBLIC_ALGORITHMS if each.startswith(("RS", "PS")))
_RSA_BITS = range(2048, 8193)
_OF_CURVE = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
_UNREADABLE = (
    *(jwt.PyJWTError, UnsupportedAlgorithm),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)


def published_keys(document: Json) -> tuple[TokenKey, ...]:
    """The keys of a set that signatures are checked with; all others are passed over.

    Those are secrets (``oct``), private keys, keys for encryption, weak ones, and kinds that the
    hub does not know. ``alg``, ``use`` and ``key_ops`` of a key are kept to.

    Raises:
        InvalidError: ``keys_invalid``: it is no such set, or one of more than 100 keys.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        told = isinstance(document, dict) and isinstance(document.get("jwks_uri"), str)
        raise InvalidError(
            "This is the issuer's configuration: set jwks_url to what its jwks_uri says."
            if told
            else 'This is no set of keys: {"keys": […]} is expected, as of a JWKS.',
            code="keys_invalid",
        )
    if len(keys) > MOST_KEYS:
        raise InvalidError(
            f"The set has {len(keys)} keys; the hub takes {MOST_KEYS}.", code="keys_invalid"
        )
    return tuple(_usable(keys))


def _usable(keys: list[Any]) -> Iterator[TokenKey]:
    for given in keys:
        algorithms = _algorithms(given) if isinstance(given, dict) and _verifies(given) else ()
        key = _read(given, algorithms[0]) if algorithms else None
        if key is not None:
            kid = given.get("kid")
            yield TokenKey(key, algorithms, kid if isinstance(kid, str) else None)


def _verifies(given: dict[str, Any]) -> bool:
    """Whether its owner means it for checking signatures, and has not given it away."""
    operations = given.get("key_ops", ["verify"])
    return (
        given.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in given
    )


def _algorithms(given: dict[str, Any]) -> tuple[str, ...]:
    """What it may have signed by: its own ``alg``, or all that its kind is for."""
    kind, curve, own = given.get("kty"), given.get("crv"), given.get("alg")
    if not isinstance(kind, str) or not isinstance(curve, (str, type(None))):
        return ()
    fitting = _RSA if kind == "RSA" else _OF_CURVE.get((kind, curve or ""), ())
    return fitting if own is None else tuple(each for each in fitting if each == own)


def _read(given: dict[str, Any], algorithm: str) -> Any:
    try:
        key = jwt.PyJWK(given, algorithm).key
    except _UNREADABLE:
        return None
    weak = isinstance(key, RSAPublicKey) and key.key_size not in _RSA_BITS
    return None if weak else key
