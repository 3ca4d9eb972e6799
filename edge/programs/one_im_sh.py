"""Monitoring of hosts, by the last word of ARGUMENTS."""

from edge.dispatch import Hypervisor as Driver

__all__ = ["Driver"]
