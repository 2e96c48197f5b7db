"""Who may send, by something that only they know: a token, a password, a signed token."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hub.errors import InvalidError, SignatureError
from hub.signature.compare import any_equal, digest_of

_LEAST_CHARACTERS = 32
LEEWAY_S = 30
"""So much may the clocks of the hub and of an issuer differ."""
_LONGEST = 8192
_SHARED = ("HS256", "HS384", "HS512")
PUBLIC_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_NO_FIT = (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError)
"""Another key may fit."""


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


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key of signed tokens, and what it may have signed them by."""

    key: Any = field(repr=False)
    """A secret, a public key in PEM, or such a key that has been read."""
    algorithms: tuple[str, ...]
    kid: str | None = None
    """What its owner calls it."""


def token_keys(secrets: Iterable[str] = (), public_keys: Iterable[str] = ()) -> list[TokenKey]:
    """Secrets as keys of HS256 and its kind alone, public keys in PEM as those of all others."""
    shared = [TokenKey(each, _SHARED) for each in secrets]
    return shared + [TokenKey(each, PUBLIC_ALGORITHMS) for each in public_keys]


def verify_jwt(
    authorization: str | None,
    *,
    secrets: Sequence[str] = (),
    public_keys: Sequence[str] = (),
    issuer: str | None = None,
    audience: str | None = None,
    leeway_s: int = LEEWAY_S,
) -> dict[str, Any]:
    """The claims of a bearer token that one of the secrets, or of the public keys, has signed.

    Raises:
        SignatureError: ``token_missing``, and as :func:`verify_token`.
    """
    kind, _, token = (authorization or "").strip().partition(" ")
    if kind.lower() != "bearer" or not 0 < len(token.strip()) <= _LONGEST:
        raise SignatureError(
            "Send 'Authorization: Bearer' and a signed token (JWT).", code="token_missing"
        )
    keys = token_keys(secrets) if secrets else token_keys(public_keys=public_keys)
    return verify_token(token.strip(), keys, issuer=issuer, audience=audience, leeway_s=leeway_s)


def verify_token(
    token: str,
    keys: Iterable[TokenKey],
    *,
    issuer: str | None = None,
    audience: str | None = None,
    leeway_s: int = LEEWAY_S,
) -> dict[str, Any]:
    """The claims of a token that one of the keys has signed, by an algorithm of that key.

    It has to end some time (``exp``); ``alg: none`` is never taken, nor a public key as a secret.

    Raises:
        SignatureError: ``token_wrong``, ``token_expired``.
    """
    _check_text(token)
    reasons: list[jwt.PyJWTError] = []
    for each in keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                each.key,
                algorithms=list(each.algorithms),
                issuer=issuer,
                audience=audience,
                leeway=leeway_s,
                options={
                    "require": ["exp"],
                    "verify_aud": audience is not None,
                    "verify_sub": False,  # many an issuer writes its users' ids as numbers
                },
            )
        except jwt.PyJWTError as error:
            reasons.append(error)
        else:
            return claims
    raise _refusal(reasons)


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, which prove nothing: keys are chosen by them.

    Raises:
        SignatureError: ``token_wrong``: it is no token.
    """
    _check_text(token)
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise _refusal([error]) from error
    return read["header"], read["payload"]


def token_ends_s(claims: Mapping[str, Any]) -> int:
    """From when on a verified token is no longer taken, in seconds since the epoch."""
    return int(claims["exp"]) + LEEWAY_S


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


def _check_text(token: str) -> None:
    if len(token) > _LONGEST:
        raise SignatureError(
            f"The token is longer than {_LONGEST:,} characters: have its issuer put less into it.",
            code="token_wrong",
        )
    if not token.isascii():
        raise SignatureError("This is no signed token (JWT).", code="token_wrong")


def _refusal(reasons: list[jwt.PyJWTError]) -> SignatureError:
    """What says most: of several keys one may have fitted a token that is refused otherwise."""
    fitted = (each for each in reasons if not isinstance(each, _NO_FIT))
    unlike = (each for each in reasons if isinstance(each, jwt.InvalidSignatureError))
    reason = next(fitted, None) or next(unlike, None) or next(iter(reasons), None)
    if reason is None:
        return SignatureError(
            "The token is not taken: its issuer has no key for it.", code="token_wrong"
        )
    if isinstance(reason, jwt.ExpiredSignatureError):
        return SignatureError("The token has expired: make a new one.", code="token_expired")
    return SignatureError(f"The token is not taken: {str(reason)[:200]}.", code="token_wrong")


def _credentials(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return ""
