"""Users that prove who they are with an SSH key: the driver ``ssh``.

What is stored of a user is its RSA public key, in one line of base64. The secret is ``user:expires`` (epoch seconds)
signed with the private key (PKCS #1 v1.5, the text itself instead of a digest), in base64. Source: OpenNebula 6.0,
"SSH Auth".
"""

import base64
import binascii
import hmac
import time

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from onelib.driver import DriverError, DriverSettings


class Auth:
    """Checks tokens that ``oneuser login --ssh`` makes."""

    def __init__(self, settings: DriverSettings) -> None:
        self.settings = settings

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """AUTHENTICATE: user id, driver, name, public key, secret. Raises :class:`onelib.driver.DriverError`."""
        _ = oid, task
        words = message.split()
        if action != "AUTHENTICATE" or len(words) != 5:
            raise DriverError(f"The driver ssh cannot do {action} with {len(words)} words.")
        _uid, _driver, name, key, secret = words
        check(_key(key), name, secret, time.time())
        return ""


def _key(text: str) -> RSAPublicKey:
    """The public key that a user has as its password. Raises :class:`DriverError`."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise DriverError("the stored password is no RSA public key")
    return key


def check(key: RSAPublicKey, name: str, secret: str, now: float) -> None:
    """See that ``secret`` was signed for ``name`` and holds. Raises :class:`DriverError` with upstream's texts."""
    try:
        text = key.recover_data_from_signature(base64.b64decode(secret, validate=True), PKCS1v15(), None).decode()
    except (binascii.Error, ValueError, InvalidSignature):
        raise DriverError("error") from None
    user, _, expires = text.partition(":")
    if not hmac.compare_digest(user.encode(), name.encode()):
        raise DriverError("invalid credentials")
    if not expires.isascii() or not expires.isdigit() or now >= int(expires):
        raise DriverError("ssh proxy expired, login again to renew it")
