"""Functions that digest, sign and identify."""

import hashlib
import hmac
import uuid
from base64 import b64encode
from typing import Any

from hub.errors import ExpressionError
from hub.expr import jws
from hub.expr.context import Context
from hub.expr.functions.parameters import Num, Object, Text, Word, as_object
from hub.expr.functions.registry import function
from hub.expr.kinds import unfit

_DIGESTS = ("md5", "sha1", "sha256", "sha384", "sha512")


@function("generate_uuid", "uuid", random=True)
def generate_uuid(context: Context) -> str:
    """A new random UUID (version 4); a resumed run makes the same again.

    length(generate_uuid()) → 36
    """
    return str(uuid.UUID(int=context.random().getrandbits(128), version=4))


@function("hash")
def digest(text: Text, algorithm: Word = "sha256") -> str:
    """The digest of a text in hex: ``sha256``, or ``md5``, ``sha1``, ``sha384``, ``sha512``.

    hash('hook', 'md5') → '5a582ef17d6a088d9cb644e4c1ea3cdd'
    hash('') == sha256('') → true
    """
    if algorithm not in _DIGESTS:
        raise ExpressionError(
            f"There is no such digest: write hash(text, 'sha256'), or {', '.join(_DIGESTS)}."
        )
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


@function("md5")
def md5(text: Text) -> str:
    """The MD5 digest in hex, for old checksums; it protects nothing.

    md5('hook') → '5a582ef17d6a088d9cb644e4c1ea3cdd'
    """
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@function("sha1")
def sha1(text: Text) -> str:
    """The SHA-1 digest in hex, for old checksums; it protects nothing.

    sha1('hook') → '6bab147e478a11267ab5e2f82df5e41144ed1fe7'
    """
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@function("sha256")
def sha256(text: Text) -> str:
    """The SHA-256 digest in hex.

    sha256('') → 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return hashlib.sha256(text.encode()).hexdigest()


@function("sha512")
def sha512(text: Text) -> str:
    """The SHA-512 digest in hex.

    length(sha512('hook')) → 128
    """
    return hashlib.sha512(text.encode()).hexdigest()


@function("hmac_sha256")
def hmac_sha256(text: Text, secret: Text, form: Word = "hex") -> str:
    """The signature of a text with a secret, by HMAC and SHA-256, in ``hex`` or ``base64``.

    hmac_sha256('Hi', 'key') → '79072ecd38d20cb6a30171e8c509f2a897bd0f8d0982fb48d487ae6ec4f103cf'
    length(hmac_sha256('a', 'key', 'base64')) → 44
    """
    return _signature(text, secret, "sha256", form)


@function("hmac_sha1")
def hmac_sha1(text: Text, secret: Text, form: Word = "hex") -> str:
    """The same by SHA-1, where a service still asks for it, in ``hex`` or ``base64``.

    hmac_sha1('Hi', 'key') → '12be6911e8cbed08280dabcdf01291e1620ddb1e'
    """
    return _signature(text, secret, "sha1", form)


@function("hmac_sha512")
def hmac_sha512(text: Text, secret: Text, form: Word = "hex") -> str:
    """The same by SHA-512, in ``hex`` or ``base64``.

    length(hmac_sha512('a', 'key')) → 128
    """
    return _signature(text, secret, "sha512", form)


@function("jws_encode", clock=True)
def jws_encode(
    context: Context,
    payload: Any,
    headers: Object,
    key: Text,
    algorithm: Text = "HS256",
    ttl_s: Num = 0,
) -> str:
    """A signed token (JWS, and so a JWT where the payload is an object), by a shared secret.

    Algorithms are ``HS256``, ``HS384`` and ``HS512``; the key has at least 32, 48 or 64 bytes.
    With ``ttl_s`` the payload gets ``exp``, so many seconds from now.

    jws_decode(jws_encode({sub: 7}, {}, env.KEY), {}, env.KEY) → {sub: 7}
    """
    if ttl_s:
        expires_s = context.now_us() // 1_000_000 + int(ttl_s)
        payload = {**as_object(payload), "exp": expires_s}
    return jws.encode(payload, headers, key, algorithm)


@function("jws_decode", clock=True)
def jws_decode(
    context: Context,
    token: Text,
    claims: Object,
    key: Text,
    algorithm: Text = "HS256",
    drift_s: Num = 0,
) -> Any:
    """The payload of a signed token, once its signature, time and claims are found right.

    ``exp`` and ``nbf`` are checked, with ``drift_s`` seconds to spare; ``claims`` are what the
    payload has to say: ``{iss: 'https://login.example'}``. Otherwise: error ``token_invalid``.

    jws_decode(jws_encode({sub: 7, iss: 'a'}, {}, env.KEY), {iss: 'a'}, env.KEY).sub → 7
    """
    payload = jws.decode(token, key, algorithm)
    jws.check_claims(payload, claims, context.now_us() / 1_000_000, drift_s)
    return payload


def _signature(text: str, secret: str, algorithm: str, form: str) -> str:
    if not secret:
        raise unfit("a secret", None, "An empty one signs nothing.")
    signed = hmac.digest(secret.encode(), text.encode(), algorithm)
    if form == "hex":
        return signed.hex()
    if form == "base64":
        return b64encode(signed).decode()
    raise ExpressionError("A signature is written as 'hex' or 'base64'.")
