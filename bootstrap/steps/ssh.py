"""SSH keys: oneadmin's pair, and the host keys of sshd.

Ed25519 is generated (no RSA: its generation alone would take longer than a whole boot may). A pair that the user
gives replaces the one in use, and the public key in every ``authorized_keys``, so that a rotation reaches sshd.
"""

from collections.abc import Iterator
from pathlib import Path

from bootstrap import pairs
from bootstrap.actions import Action, Directory, File, Owner, Removed
from bootstrap.context import Context
from bootstrap.errors import VolumeError

COMMENT = "oneadmin@oneedge"
CONFIG = """\
# Written by the bootstrap when missing; yours from then on.
Host *
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    ControlMaster no
    ControlPath ~/.ssh/ctrl-%C
    ConnectTimeout 15
"""


def generate(kind: str = "ed25519") -> tuple[bytes, bytes]:
    """A new pair in OpenSSH form, private and public; ``kind`` is ed25519 or ecdsa."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return private, public + f" {COMMENT}\n".encode()


def _public_of(path: Path) -> bytes:
    """The public key of the private key at ``path``. Raises VolumeError if that is damaged."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = pairs.load_ssh_private(path.read_bytes())
    except (OSError, ValueError) as error:
        raise VolumeError(
            f"{path} is damaged: {error}.", todo="Restore it, or remove it for a new one."
        ) from error
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + f" {COMMENT}\n".encode()


def _pair_in_use(context: Context) -> tuple[str, bytes, bytes]:
    """File name, private and public key: the user's, the kept ones, or new ones."""
    given = pairs.ssh_pair(context.settings)
    if given is not None:
        name = given.name if given.name.startswith("id_") else _default_name(given.public)
        return name, given.private.rstrip() + b"\n", given.public.rstrip() + b"\n"
    path = pairs.private_key(context.at.ssh)
    if not path.is_file():
        return path.name, *generate()
    public = path.with_name(path.name + ".pub")
    return path.name, path.read_bytes(), public.read_bytes() if public.is_file() else _public_of(path)


def _default_name(public: bytes) -> str:
    """The name under which ssh and ssh-add look for a key of this type by themselves."""
    kind = public.split(maxsplit=1)[0].decode()
    return {"ssh-rsa": "id_rsa", "ssh-ed25519": pairs.GENERATED_SSH}.get(kind, "id_ecdsa")


def _key_of(line: str) -> str:
    """The key material of an ``authorized_keys`` line, whatever options and comment stand around it."""
    return max(line.split(), key=len, default="")


def authorized(present: str, public: str, retired: set[str]) -> str:
    """``authorized_keys`` with ``public`` in it and no key of ``retired``; every other line stays as it is."""
    gone = retired - {_key_of(public)}
    lines = [line for line in present.splitlines() if _key_of(line) not in gone]
    if _key_of(public) not in {_key_of(line) for line in lines}:
        lines.append(public.strip())
    return "\n".join(lines) + "\n"


def _authorize(folder: Path, public: bytes, retired: set[str], owner: Owner | None) -> Iterator[Action]:
    path = folder / "authorized_keys"
    present = path.read_text() if path.is_file() else ""
    yield File(path, authorized(present, public.decode(), retired).encode(), 0o600, owner, durable=True)


def oneadmin(context: Context) -> Iterator[Action]:
    """oneadmin's pair, configuration and ``authorized_keys``, copied for the sshd container."""
    if not context.serves("oned"):
        return
    folder, owner = context.at.ssh, context.owner("oneadmin")
    name, private, public = _pair_in_use(context)
    others = [path for path in folder.glob("id_*.pub") if path.name != f"{name}.pub"]
    retired = {_key_of(path.read_text()) for path in [*others, folder / f"{name}.pub"] if path.is_file()}
    for path in others:
        yield Removed(path.with_suffix(""))
        yield Removed(path)
    yield File(folder / name, private, 0o600, owner, durable=True)
    yield File(folder / f"{name}.pub", public, 0o644, owner, durable=True)
    for place in (folder, context.at.var / ".ssh-copyback"):
        yield from _authorize(place, public, retired, owner)
        if not (place / "config").exists():
            yield File(place / "config", CONFIG.encode(), 0o600, owner)


def host_keys(context: Context) -> Iterator[Action]:
    """sshd's host keys, made once and kept on the volume, so that hosts do not see a stranger after an upgrade."""
    if context.native or not context.serves("sshd", "oneprovision"):
        return
    folder, root = context.at.srv / "secret-ssh-host-keys", context.owner("root")
    yield Directory(folder, 0o700, root)
    for kind in ("ed25519", "ecdsa"):
        path = folder / f"ssh_host_{kind}_key"
        if not path.is_file():
            private, public = generate(kind)
            yield File(path, private, 0o600, root, durable=True)
            yield File(path.with_name(path.name + ".pub"), public, 0o644, root, durable=True)
