"""What the dummy hypervisor runs, as far as this process knows: its monitoring reports that."""


class World:
    """The machines on each host, by the host's name."""

    def __init__(self) -> None:
        self._hosts: dict[str, set[int]] = {}

    def put(self, host: str, vm_id: int) -> None:
        """A machine runs there now, and nowhere else."""
        self.take(vm_id)
        self._hosts.setdefault(host, set()).add(vm_id)

    def take(self, vm_id: int) -> None:
        """A machine does not run any more."""
        for machines in self._hosts.values():
            machines.discard(vm_id)

    def learn(self, host: str, vm_ids: set[int]) -> None:
        """Machines that another process started on a host of which nothing is known yet."""
        self._hosts.setdefault(host, set(vm_ids))

    def machines(self, host: str) -> list[int]:
        """What runs on a host."""
        return sorted(self._hosts.get(host, ()))


WORLD = World()
"""The one of this process, which the drivers for machines and for monitoring share."""
