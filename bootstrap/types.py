"""Types of parameters: each parses one text and says in a sentence what is wrong with it."""

import base64
import binascii
import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
TRUE = frozenset({"yes", "true", "1"})
FALSE = frozenset({"no", "false", "0"})


def printable(text: str, limit: int = 60) -> str:
    """``text`` quoted for a message: one line, printable, bounded."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return ascii(shown)


def parse_boolean(text: object) -> bool:
    """yes/no, true/false, 1/0 in any case; anything else is an error (never silently false)."""
    if isinstance(text, bool):
        return text
    word = str(text).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError(f"{printable(str(text))} is not a boolean: use yes or no")


def parse_port(text: object) -> int:
    """A TCP or UDP port, 1 to 65535."""
    word = str(text).strip()
    if not re.fullmatch(r"[0-9]{1,5}", word) or not 1 <= int(word) <= 65535:
        raise ValueError(f"{printable(word)} is not a port: use a whole number from 1 to 65535")
    return int(word)


def parse_days(text: object) -> int:
    """A period in days, 1 to 36500."""
    word = str(text).strip()
    if not re.fullmatch(r"[0-9]{1,5}", word) or not 1 <= int(word) <= 36500:
        raise ValueError(f"{printable(word)} is not a number of days: use a whole number from 1 to 36500")
    return int(word)


def check_host(text: str) -> str:
    """A host name (RFC 1123, underscores too as container names have them), IPv4 or IPv6 address; or empty."""
    if not text:
        return text
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        labels = text.rstrip(".").split(".")
        if len(text) > 253 or not all(HOST_LABEL.match(label) for label in labels):
            raise ValueError(f"{printable(text)} is not a host name or IP address") from None
    return text


def check_hosts(text: str) -> str:
    """A list of host names or addresses separated by blanks; ``*`` and ``*.domain`` stand for any name."""
    names = text.split()
    if not names:
        raise ValueError("the list is empty: name at least one host, or * for any")
    for name in names:
        if name != "*":
            check_host(name.removeprefix("*."))
    return " ".join(names)


def check_file(text: str) -> str:
    """The absolute path of a readable, non-empty regular file inside the container; or empty."""
    if not text:
        return text
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        raise ValueError(f"{printable(text)} is not an absolute path")
    try:
        if not path.is_file():
            raise ValueError(f"{printable(text)} is missing, or not a file: mount it into the container")
        with path.open("rb") as stream:
            if not stream.read(1):
                raise ValueError(f"{printable(text)} is empty")
    except OSError as error:
        raise ValueError(f"{printable(text)} cannot be read: {error.strerror}") from error
    return text


def check_program(text: str) -> str:
    """The absolute path of an executable file inside the container; or empty."""
    check_file(text)
    if text and not Path(text).stat().st_mode & 0o111:
        raise ValueError(f"{printable(text)} is not executable: chmod +x it")
    return text


def check_path(text: str) -> str:
    """An absolute path that need not exist; or empty."""
    if text and (not text.startswith("/") or any(ord(letter) < 32 for letter in text) or ".." in text.split("/")):
        raise ValueError(f"{printable(text)} is not an absolute path")
    return text


def check_base64(text: str) -> str:
    """Base64 (RFC 4648, line breaks allowed) of a non-empty text; the value itself is never shown."""
    if not text:
        return text
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the value is not base64: encode the file with `base64 -w0 FILE`") from error
    if not data.strip():
        raise ValueError("the value is the base64 of nothing")
    return text


def check_secret(text: str) -> str:
    """A password: any text of one line without control characters, at most 512 characters; or empty."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("the value has line breaks or control characters, which no client can send")
    if len(text) > 512:
        raise ValueError("the value is longer than 512 characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the value is not valid UTF-8") from error
    return text


def check_identifier(text: str, limit: int) -> str:
    """A MariaDB identifier of at most ``limit`` characters without quotes, slashes or control characters."""
    if not text or len(text) > limit or text != text.strip():
        raise ValueError(f"{printable(text)} is not a name of 1 to {limit} characters")
    if any(ord(letter) < 32 or letter in "`'\"\\/\x7f" or ord(letter) > 0xFFFF for letter in text):
        raise ValueError(f"{printable(text)} has quotes, slashes or control characters")
    return text


Boolean = Annotated[bool, BeforeValidator(parse_boolean)]
Port = Annotated[int, BeforeValidator(parse_port)]
Days = Annotated[int, BeforeValidator(parse_days)]
Host = Annotated[str, AfterValidator(check_host)]
Hosts = Annotated[str, AfterValidator(check_hosts)]
File = Annotated[str, AfterValidator(check_file)]
Program = Annotated[str, AfterValidator(check_program)]
AbsolutePath = Annotated[str, AfterValidator(check_path)]
Base64 = Annotated[str, AfterValidator(check_base64)]
Secret = Annotated[str, AfterValidator(check_secret)]
DatabaseName = Annotated[str, AfterValidator(lambda text: check_identifier(text, 64))]
DatabaseUser = Annotated[str, AfterValidator(lambda text: check_identifier(text, 80))]
