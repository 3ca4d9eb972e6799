"""The text of ``make help``."""

from launcher.commands import COMMANDS
from launcher.ports import PORTS

_VARIABLES = (
    ("ENGINE", "docker or podman (default: what is installed, else Docker)"),
    ("TARGET", "frontend or slim, without inner Docker and Terraform (default: frontend)"),
    ("IMAGE, BASE_IMAGE", "use an existing image, or base image, instead of building one"),
    ("ONEEDGE_CONTAINER", "default: oneedge"),
    ("VOLUME_PREFIX", "default: opennebula_"),
    ("WAIT_SECONDS", "how long 'make run' waits for health (default: 300)"),
    ("RUN_ARGS", "more arguments for the engine, such as '-v /etc/one-certs:/certs:ro'"),
    ("DEPLOY_BIND_ADDR", "address that ports are published on (default: 0.0.0.0); also"),
    ("", "DEPLOY_BIND_SSH_ADDR and DEPLOY_BIND_ONEGATE_ADDR"),
    ("DEPLOY_RESTART_POLICY", "default: unless-stopped"),
)


def text() -> str:
    """Commands, variables and published ports."""
    lines = ["Usage: make COMMAND [VARIABLE=value ...]", "", "Commands"]
    lines += [f"  {name:<22} {command.help}" for name, command in COMMANDS.items()]
    lines += ["", "Variables of the launcher (given to make or in the environment)"]
    lines += [f"  {name:<22} {meaning}" for name, meaning in _VARIABLES]
    lines += ["", "Published ports"]
    lines += [f"  {port.variable:<34} {port.inner:>5}  {port.what}" for port in PORTS if port.protocol == "tcp"]
    lines += [
        "",
        "Parameters of the image, such as OPENNEBULA_FRONTEND_HOST, ONEADMIN_PASSWORD or DIND_ENABLED, are",
    ]
    lines += ["taken from the environment too: README.md. Exit codes: docs/exit-codes.md."]
    return "\n".join(lines)
