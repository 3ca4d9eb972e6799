"""The dummy hypervisor."""

from edge.dummy.vmm import Vmm as Driver

__all__ = ["Driver"]
