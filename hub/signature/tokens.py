"""Who may send, by something that only they know: a token, a password, a signed token."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hub.errors import InvalidError, SignatureError
from hub.signature.compare import any_equal, digest_of

_LEAST_CHARACTERS = 32
_LEEWAY_S = 30
_LONGEST = 8192
_SHARED = ("HS256", "HS384", "HS512")
_PUBLIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def verify_header_token(tokens: Iterable[str], header_value: str | None) -> None:
    """Check the token in a header field against those that a source takes.

    Raises:
        SignatureError: ``token_missing``, ``token_wrong``.
    """
    if not header_value:
        raise SignatureError(
            "The header field with the token is missing. Send the one that this source names.",
            code="token_missing",
        )
    if not any_equal(map(digest_of, tokens), [digest_of(header_value)]):
        raise SignatureError(
            "The token is wrong. Copy it again from where this source was set up.",
            code="token_wrong",
        )


def verify_basic(user: str, passwords: Iterable[str], authorization: str | None) -> None:
    """Check HTTP's Basic credentials; a wrong user takes as long as a wrong password.

    Raises:
        SignatureError: ``token_missing``, ``token_wrong``.
    """
    kind, _, encoded = (authorization or "").strip().partition(" ")
    if kind.lower() != "basic" or not encoded:
        raise SignatureError(
            "Send 'Authorization: Basic' with the user and the password of this source.",
            code="token_missing",
        )
    expected = (f"{user}:{password}" for password in passwords)
    if not any_equal(map(digest_of, expected), [digest_of(_credentials(encoded))]):
        raise SignatureError("The user or the password is wrong.", code="token_wrong")


def verify_jwt(
    authorization: str | None,
    *,
    secrets: Sequence[str] = (),
    public_keys: Sequence[str] = (),
    issuer: str | None = None,
    audience: str | None = None,
    leeway_s: int = _LEEWAY_S,
) -> dict[str, Any]:
    """The claims of a bearer token that one of the secrets, or of the public keys, has signed.

    It has to end some time (``exp``); ``alg: none`` is never taken, nor a public key as a secret.

    Raises:
        SignatureError: ``token_missing``, ``token_wrong``, ``token_expired``.
    """
    kind, _, token = (authorization or "").strip().partition(" ")
    if kind.lower() != "bearer" or not 0 < len(token.strip()) <= _LONGEST:
        raise SignatureError(
            "Send 'Authorization: Bearer' and a signed token (JWT).", code="token_missing"
        )
    algorithms = list(_SHARED if secrets else _PUBLIC)
    reasons: list[jwt.PyJWTError] = []
    for key in secrets or public_keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token.strip(),
                key,
                algorithms=algorithms,
                issuer=issuer,
                audience=audience,
                leeway=leeway_s,
                options={"require": ["exp"], "verify_aud": audience is not None},
            )
        except jwt.PyJWTError as error:
            reasons.append(error)
        else:
            return claims
    raise _refusal(reasons)


def check_jwt_key(text: str, *, is_public: bool) -> None:
    """Check a key of signed tokens before it is kept.

    Raises:
        InvalidError: ``secret_invalid``; the message never repeats the key.
    """
    if not is_public:
        if len(text) < _LEAST_CHARACTERS:
            raise InvalidError(
                f"A secret that tokens are signed with has {_LEAST_CHARACTERS} characters or more: "
                "a short one is found by trying.",
                code="secret_invalid",
            )
        return
    try:
        load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidError(
            "This is no public key in PEM: it begins with -----BEGIN PUBLIC KEY-----.",
            code="secret_invalid",
        ) from None


def _refusal(reasons: list[jwt.PyJWTError]) -> SignatureError:
    """What says most: of several keys one may have fitted a token that is refused otherwise."""
    reason = next((e for e in reasons if not isinstance(e, jwt.InvalidSignatureError)), reasons[0])
    if isinstance(reason, jwt.ExpiredSignatureError):
        return SignatureError("The token has expired: make a new one.", code="token_expired")
    return SignatureError(f"The token is not taken: {reason}.", code="token_wrong")


def _credentials(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return ""
