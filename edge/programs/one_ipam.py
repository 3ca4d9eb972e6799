"""Addresses from elsewhere, by the address range's IPAM_MAD."""

from edge.dispatch import Dispatcher, element_text


class Driver(Dispatcher):
    """Hands each request to the driver of its address range."""

    missing = "IPAM driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """IPAM_MAD."""
        _ = action
        return element_text(message, "AR/IPAM_MAD")
