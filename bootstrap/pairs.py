"""Key pairs that a user gives: the bytes, and what is wrong with them.

Base64 wins over paths (containers of 6.0). Nothing of a private key is ever part of a message.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


GENERATED_SSH = "id_ed25519"
"""File name of oneadmin's private key where the user gives none."""


@dataclass(frozen=True)
class Pair:
    """A private part and its public part (certificate chain or SSH public key), as given."""

    private: bytes
    public: bytes
    source: str
    name: str = ""

    def __repr__(self) -> str:
        return f"Pair(source={self.source!r})"


def _decoded(text: str) -> bytes:
    return base64.b64decode("".join(text.split()))


def tls_pair(settings: Settings) -> Pair | None:
    """The user's certificate and key, or None where a self-signed one is wanted."""
    if settings.tls_key_base64 and settings.tls_cert_base64:
        key, cert = _decoded(settings.tls_key_base64), _decoded(settings.tls_cert_base64)
        return Pair(key, cert, "TLS_KEY_BASE64 and TLS_CERT_BASE64")
    if settings.tls_key and settings.tls_cert:
        key, cert = Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes()
        return Pair(key, cert, "TLS_KEY and TLS_CERT")
    return None


def ssh_pair(settings: Settings) -> Pair | None:
    """The user's SSH key pair, or None where one is generated. ``name`` is the private key's file name."""
    if settings.ssh_privkey_base64 and settings.ssh_pubkey_base64:
        private, public = _decoded(settings.ssh_privkey_base64), _decoded(settings.ssh_pubkey_base64)
        return Pair(private, public, "ONEADMIN_SSH_PRIVKEY_BASE64 and ONEADMIN_SSH_PUBKEY_BASE64")
    if settings.ssh_privkey and settings.ssh_pubkey:
        private, public = Path(settings.ssh_privkey).read_bytes(), Path(settings.ssh_pubkey).read_bytes()
        return Pair(
            private, public, "ONEADMIN_SSH_PRIVKEY and ONEADMIN_SSH_PUBKEY", Path(settings.ssh_privkey).name
        )
    return None


def private_key(folder: Path) -> Path:
    """The private key in ``folder``; where the generated one will be if there is none yet."""
    found = sorted(path for path in folder.glob("id_*") if path.suffix != ".pub" and path.is_file())
    return found[0] if found else folder / GENERATED_SSH


def _load_tls_key(data: bytes) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(data, password=None)
    except TypeError:
        raise ValueError("the private key has a passphrase: remove it with `openssl pkey`") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the private key is not a PEM private key") from None


def check_tls(pair: Pair) -> None:
    """Raise ValueError unless both parts are PEM, belong together and the certificate is valid now."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_pem_x509_certificates

    key = _load_tls_key(pair.private)
    try:
        certificate = load_pem_x509_certificates(pair.public)[0]
    except ValueError:
        raise ValueError("the certificate is not a PEM certificate") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ValueError("the certificate and the private key do not belong together")
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc <= now:
        raise ValueError(f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        raise ValueError(f"the certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")


def load_ssh_private(data: bytes) -> "PrivateKeyTypes":
    """The SSH private key in OpenSSH or PEM form. Raises ValueError for anything else, passphrases too."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    try:
        return load(data, password=None)
    except TypeError:
        raise ValueError("the private key has a passphrase: remove it with `ssh-keygen -p`") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        if "assword" in str(error):
            raise ValueError("the private key has a passphrase: remove it with `ssh-keygen -p`") from None
        raise ValueError("the private key is not an SSH private key") from None


def check_ssh(pair: Pair) -> None:
    """Raise ValueError unless both parts are SSH keys and belong together."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

    key = load_ssh_private(pair.private)
    lines = [line for line in pair.public.splitlines() if line.strip()]
    try:
        public = load_ssh_public_key(lines[0] if len(lines) == 1 else b"")
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the public key is not one line in OpenSSH form") from None
    form = (Encoding.OpenSSH, PublicFormat.OpenSSH)
    if key.public_key().public_bytes(*form) != public.public_bytes(*form):
        raise ValueError("the public and the private key do not belong together")


def problems(settings: Settings) -> list[str]:
    """A sentence for each pair that cannot be used."""
    found = []
    for load, check in ((tls_pair, check_tls), (ssh_pair, check_ssh)):
        pair = load(settings)
        if pair is None:
            continue
        try:
            check(pair)
        except ValueError as error:
            found.append(f"{pair.source}: {error}")
    return found
