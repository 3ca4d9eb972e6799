"""What is asked of the rules for templates (``flow.schema``), given to the application where it is made."""

from collections.abc import Callable
from dataclasses import dataclass

from flow.types import JsonObject

Check = Callable[[JsonObject], JsonObject]
"""A normalised copy of what is sound; raises :class:`flow.errors.InvalidError` (400) with every error."""


@dataclass(frozen=True)
class Checks:
    """The rules for service templates, for services that are updated, for a role that is added.

    ``schema`` is the JSON Schema of a service template, for the OpenAPI document.
    """

    template: Check
    service: Check
    role: Check
    schema: JsonObject
