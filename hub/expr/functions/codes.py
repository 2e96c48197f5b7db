"""Functions that encode, decode, digest and identify."""

import base64
import hashlib
import re
import uuid
from typing import Any
from urllib.parse import quote

from hub.errors import ExpressionError, InvalidError
from hub.expr.context import Context
from hub.expr.functions.parameters import Text
from hub.expr.functions.registry import function
from hub.model.json import dumps, loads

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")
_UNESCAPED = "!~*'()"
"""What encodeURIComponent leaves as it is, beside letters, digits and ``-_.``"""


@function("generate_uuid", random=True)
def generate_uuid(context: Context) -> str:
    """A new random UUID (version 4); a resumed run makes the same again.

    length(generate_uuid()) → 36
    """
    return str(uuid.UUID(int=context.random().getrandbits(128), version=4))


@function("json_encode")
def json_encode(value: Any) -> str:
    """The value as compact JSON.

    json_encode({a: [1, null]}) → '{"a":[1,null]}'
    """
    return dumps(value).decode()


@function("json_decode")
def json_decode(text: Text) -> Any:
    """The value that a JSON text stands for; of nothing ``null``.

    json_decode('{"a": [1]}') → {a: [1]}
    json_decode(null) → null
    """
    if not text.strip():
        return None
    try:
        return loads(text)
    except InvalidError as error:
        raise ExpressionError("This text is not valid JSON.", code="expression_type") from error


@function("md5")
def md5(text: Text) -> str:
    """The MD5 digest in hex, for old checksums; it protects nothing.

    md5('hook') → '5a582ef17d6a088d9cb644e4c1ea3cdd'
    """
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@function("sha256")
def sha256(text: Text) -> str:
    """The SHA-256 digest in hex.

    sha256('') → 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return hashlib.sha256(text.encode()).hexdigest()


@function("base64_encode")
def base64_encode(text: Text) -> str:
    """The text's UTF-8 bytes in Base64.

    base64_encode('user:pass') → 'dXNlcjpwYXNz'
    """
    return base64.b64encode(text.encode()).decode()


@function("base64_decode")
def base64_decode(text: Text) -> str:
    """The text in a Base64 form, with or without padding, the URL-safe alphabet too.

    base64_decode('dXNlcjpwYXNz') → 'user:pass'
    base64_decode('w7w') → 'ü'
    """
    plain = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    try:
        if _NOT_BASE64.search(plain):
            raise ValueError("a foreign character")
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError as error:
        raise ExpressionError(
            "This is not Base64 of a UTF-8 text.", code="expression_type"
        ) from error


@function("url_encode")
def url_encode(text: Text) -> str:
    """Safe as a part of a URL, as encodeURIComponent does.

    url_encode('a b&c/ü') → 'a%20b%26c%2F%C3%BC'
    """
    return quote(text, safe=_UNESCAPED)
