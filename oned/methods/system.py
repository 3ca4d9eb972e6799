"""``one.system.*``."""

from oned import VERSION
from oned.errors import AuthorizationError
from oned.methods.call import Call, Method


def version(call: Call) -> str:
    """The release that this server is compatible with."""
    _ = call
    return VERSION


def config(call: Call) -> str:
    """``oned.conf`` as XML, secrets masked; for the group oneadmin."""
    if call.caller.gid != 0:
        raise AuthorizationError(
            "The oned configuration can only be retrieved by users in the oneadmin group", kind="system"
        )
    return call.settings.masked().to_xml("OPENNEBULA_CONFIGURATION")


METHODS = (
    Method("one.system.version", version, stored=False),
    Method("one.system.config", config, stored=False),
)
