"""Who sent this: signatures and tokens, made and checked.

Comparing takes the same time whatever is sent: everything given is compared with everything
expected.
"""

from hub.signature.asymmetric import PRIVATE_PREFIX, new_private_key, public_key
from hub.signature.bearer import check_signing_key, sign_jwt
from hub.signature.compare import FUTURE_S, any_equal, check_age, exact
from hub.signature.file_urls import file_url_invalid, sign_file, signed_url, verify_file
from hub.signature.published import published_keys
from hub.signature.scheme import (
    hmac_base64,
    key_of,
    new_scheme_secret,
    sign_scheme,
    verify_hmac,
    verify_scheme,
)
from hub.signature.standard import (
    MIN_SECRET_BYTES,
    SECRET_PREFIX,
    new_secret,
    parse_secret,
    parse_signing_key,
    sign,
    sign_headers,
    verify_standard,
)
from hub.signature.tokens import (
    TokenKey,
    check_jwt_key,
    token_ends_s,
    token_keys,
    unverified,
    verify_basic,
    verify_header_token,
    verify_jwt,
    verify_token,
)

__all__ = [
    "FUTURE_S",
    "MIN_SECRET_BYTES",
    "PRIVATE_PREFIX",
    "SECRET_PREFIX",
    "TokenKey",
    "any_equal",
    "check_age",
    "check_jwt_key",
    "check_signing_key",
    "exact",
    "file_url_invalid",
    "hmac_base64",
    "key_of",
    "new_private_key",
    "new_scheme_secret",
    "new_secret",
    "parse_secret",
    "parse_signing_key",
    "public_key",
    "published_keys",
    "sign",
    "sign_file",
    "sign_headers",
    "sign_jwt",
    "sign_scheme",
    "signed_url",
    "token_ends_s",
    "token_keys",
    "unverified",
    "verify_basic",
    "verify_file",
    "verify_header_token",
    "verify_hmac",
    "verify_jwt",
    "verify_scheme",
    "verify_standard",
    "verify_token",
]
