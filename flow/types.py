"""Types that all of ``flow`` shares."""

from typing import Any

JsonObject = dict[str, Any]
"""A JSON object: names and whatever JSON has."""
