"""The certificate of the GUI, VNC and the APIs' TLS proxy: the user's, or a self-signed one that renews itself."""

import fcntl
import ipaddress
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bootstrap import pairs
from bootstrap.actions import Action, File, Owner, said_plainly
from bootstrap.context import Context
from bootstrap.settings import Settings

RENEW_SHARE = 3
"""A certificate is renewed in the last third of its validity, at most 30 days before its end."""


@dataclass(frozen=True)
class Request:
    """What a self-signed certificate is asked to say."""

    names: tuple[str, ...]
    days: int

    @classmethod
    def of(cls, settings: Settings) -> "Request":
        """TLS_DOMAIN_LIST, then the front-end's own names: the first is the common name, all are alternative names."""
        names = [*settings.tls_domains.split(), settings.host, settings.ssh_host, "localhost", "127.0.0.1"]
        return cls(tuple(dict.fromkeys(name for name in names if name)), settings.tls_days)

    @classmethod
    def kept(cls, folder: Path) -> "Request | None":
        """The request of the self-signed certificate in ``folder``, None if that has none."""
        try:
            found = json.loads((folder / "request.json").read_bytes())
            return cls(tuple(map(str, found["names"])), int(found["days"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def text(self) -> bytes:
        """The request as it is kept beside the certificate, to see a changed one."""
        return json.dumps({"names": self.names, "days": self.days}).encode() + b"\n"


def self_signed(request: Request, now: datetime) -> tuple[bytes, bytes]:
    """A new key (ECDSA P-256) and certificate (RFC 5280), PEM; the common name is among the alternative names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    def alternative(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
        except ValueError:
            return x509.DNSName(name)

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, request.names[0][:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=request.days))
        .add_extension(x509.SubjectAlternativeName([alternative(name) for name in request.names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


def due(certificate: bytes, now: datetime) -> bool:
    """Whether a certificate (PEM) has to be renewed: ended, about to end, not begun, or no certificate at all."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = load_pem_x509_certificate(certificate)
    except ValueError:
        return True
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    return now < begin or now >= end - min(timedelta(days=30), (end - begin) / RENEW_SHARE)


@dataclass(frozen=True)
class Certificate(Action):
    """``one.key`` and ``one.crt``, on a volume that several containers may prepare at once.

    The lock is the kernel's and ends with its process, so that a killed boot leaves none behind.
    """

    folder: Path
    request: Request
    given: pairs.Pair | None
    owner: Owner | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def describe(self) -> str:
        """Which certificate would be put in place."""
        kind = (
            f"the one of {self.given.source}" if self.given else f"self-signed for {' '.join(self.request.names)}"
        )
        return f"certificate {self.folder / 'one.crt'}: {kind}"

    def needed(self) -> bool:
        """Whether the pair in place is missing, torn, another one's, asked for differently, or about to end."""
        try:
            key, cert = (self.folder / "one.key").read_bytes(), (self.folder / "one.crt").read_bytes()
            if self.given is not None:
                return (key, cert) != (self.given.private, self.given.public)
            asked = (self.folder / "request.json").read_bytes()
        except FileNotFoundError:
            return True
        if asked != self.request.text() or due(cert, self.now):
            return True
        try:
            pairs.check_tls(pairs.Pair(key, cert, "kept"))
        except ValueError:
            return True
        return False

    def apply(self) -> None:
        """Write the pair, unless another container did so while we waited for the lock."""
        with said_plainly(self.folder):
            lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.needed():
                return
            key, cert = (
                (self.given.private, self.given.public) if self.given else self_signed(self.request, self.now)
            )
            File(self.folder / "one.key", key, 0o600, self.owner, durable=True).apply()
            File(self.folder / "one.crt", cert, 0o644, self.owner, durable=True).apply()
            if self.given is None:
                File(self.folder / "request.json", self.request.text(), 0o644, self.owner, durable=True).apply()
            else:  # so that nobody renews what is the user's
                (self.folder / "request.json").unlink(missing_ok=True)
        finally:
            os.close(lock)


def owner_of(path: Path) -> Owner:
    """The ids that ``path`` has."""
    found = path.stat()
    return Owner(found.st_uid, found.st_gid)


def certificate(context: Context) -> Certificate:
    """The certificate that these settings ask for, as the action that puts it in place."""
    return Certificate(
        context.at.srv / "secret-tls",
        Request.of(context.settings),
        pairs.tls_pair(context.settings),
        context.owner("oneadmin"),
    )


def prepare(context: Context) -> Iterator[Action]:
    """Have a certificate where the GUI or an API proxy serves one (OneFlow and OneGate only read it)."""
    wanted = (context.serves("oned") and context.settings.tls_proxy) or (
        context.serves("sunstone") and context.settings.https
    )
    if wanted and not context.native:
        yield certificate(context)
