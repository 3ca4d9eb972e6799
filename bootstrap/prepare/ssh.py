"""The SSH agent's socket: a stale one is removed, and where it stands is written for those who source it."""

from bootstrap.service import ServiceContext


def agent(context: ServiceContext) -> None:
    """Remove the socket of an agent that was killed, and write ``ssh-agent.env``."""
    socket = context.locations.under("/run/one/ssh-agent.sock")
    socket.unlink(missing_ok=True)
    socket.with_name("ssh-agent.env").write_text(f"SSH_AUTH_SOCK={socket}; export SSH_AUTH_SOCK;\n")
