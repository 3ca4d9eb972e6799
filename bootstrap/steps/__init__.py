"""The boot as an ordered list of small steps; each is a function of the context that yields actions.

Order (decision 2 of the design): checks, pre-hook, defaults and the user's patch, the bootstrap's own settings,
services, post-hook. Handing over to Supervisor is not a step: it never returns.
"""

from collections.abc import Callable, Iterator

from bootstrap.actions import Action
from bootstrap.context import Context
from bootstrap.steps import configuration, credentials, daemons, folders, hooks, preflight, services, ssh, tls

Step = Callable[[Context], Iterator[Action]]

STEPS: tuple[Step, ...] = (
    preflight.check,
    hooks.before,
    folders.clean,
    folders.prepare,
    credentials.prepare,
    ssh.oneadmin,
    ssh.host_keys,
    tls.prepare,
    configuration.defaults_and_patch,
    configuration.own_settings,
    daemons.configure,
    services.enable,
    hooks.after,
)
