"""Marketplaces, by MARKET_MAD."""

from edge.dispatch import Dispatcher, element_text


class Driver(Dispatcher):
    """Hands each request to the driver of its marketplace."""

    missing = "Marketplace driver '{}' not available"

    def name(self, action: str, message: str) -> str:
        """MARKET_MAD."""
        _ = action
        return element_text(message, "MARKETPLACE/MARKET_MAD")
