"""Certificates of an authority of one's own, made for a test."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certified:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str
    locked_key: str
    """The same under a password."""


@dataclass(frozen=True)
class Authority:
    """Vouches for a server on 127.0.0.1 and for a client."""

    certificate: str
    server: Certified
    client: Certified

    def context(self, folder: Path, *, asks_client: bool = False) -> ssl.SSLContext:
        """A server's; ``asks_client``: nobody is let in without this authority's certificate."""
        chain = folder / "server.pem"
        chain.write_text(self.server.certificate + self.server.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        if asks_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.certificate)
        return context


@cache
def authority(name: str = "ours") -> Authority:
    """The authority of that name: the same one each time."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate(f"Authority {name}", key, f"Authority {name}", key)
    issued = [_issued(subject, f"Authority {name}", key) for subject in ("server", "hub")]
    return Authority(_pem(own), *issued)


def _issued(subject: str, issuer: str, by: ec.EllipticCurvePrivateKey) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(subject, key, issuer, by)
    texts = (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()
        for locked in (NoEncryption(), BestAvailableEncryption(b"password"))
    )
    return Certified(_pem(certificate), *texts)


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now, is_authority = datetime.now(UTC), subject == issuer
    address = x509.IPAddress(ip_address("127.0.0.1"))
    built = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
    built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    built = built.add_extension(identifier, critical=False).add_extension(signer, critical=False)
    built = built.add_extension(_usage(is_authority), critical=True)
    names = x509.SubjectAlternativeName([address, x509.DNSName("hook.example")])
    return built.add_extension(names, critical=False).sign(by, hashes.SHA256())


def _usage(is_authority: bool) -> x509.KeyUsage:
    signs = not is_authority
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
