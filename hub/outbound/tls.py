"""TLS contexts: whose certificates are trusted, and which one the hub shows.

There is no way to have a certificate not checked.
"""

import ssl
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
from cryptography.x509 import load_pem_x509_certificates

from hub.errors import OutboundError
from hub.model.destination import Tls


@cache
def public_trust() -> ssl.SSLContext:
    """The context that trusts the system's certificates and certifi's, as they were at first.

    To read them takes a while, so all who add nothing to it share it.
    """
    return _public_trust()


def _public_trust() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    return context


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context of a destination: public trust, and what is its own.

    Raises:
        OutboundError: ``request_invalid``: a certificate or key cannot be used.
    """
    context = _public_trust()
    for field, message in _load(context, tls):
        raise OutboundError(
            f"The destination's tls.{field} cannot be used: {message}",
            code="request_invalid",
            may_have_run=False,
        )
    return context


def tls_problems(tls: Tls) -> Iterator[tuple[str, str]]:
    """What is wrong with certificates before they are kept: the field, and a sentence."""
    yield from _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls)


def _load(context: ssl.SSLContext, tls: Tls) -> Iterator[tuple[str, str]]:
    if tls.ca is not None:
        message = _certificates_problem(tls.ca)
        if message is None:
            context.load_verify_locations(cadata=tls.ca)
        else:
            yield "ca", message
    if tls.client_cert is None or tls.client_key is None:
        return
    message = _certificates_problem(tls.client_cert)
    if message is not None:
        yield "client_cert", message
        return
    try:
        _load_chain(context, tls.client_cert, tls.client_key)
    except (ssl.SSLError, ValueError) as error:
        yield "client_key", _key_problem(error)


def _certificates_problem(text: str) -> str | None:
    try:
        load_pem_x509_certificates(text.encode())
    except ValueError:
        return "This holds no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----."
    return None


def _load_chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The library reads certificates and keys from files only: there they are for a moment."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:  # 0700
        chain = Path(folder) / "chain.pem"
        chain.write_text(f"{certificate.strip()}\n{key.strip()}\n", "utf-8")
        context.load_cert_chain(chain, password=_no_password)


def _no_password() -> str:
    """OpenSSL would ask the terminal."""
    raise ValueError("It is locked with a password")


def _key_problem(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "This private key belongs to another certificate than client_cert."
    if isinstance(error, ssl.SSLError) and error.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
        return "This key or certificate is too weak to be used: make one of 2048 bits or more."
    return (
        "This is no private key in PEM without a password: it begins with "
        "-----BEGIN PRIVATE KEY-----."
    )
