"""Shared tables, 5.12 to 6.0: the version only."""

from onedb.migrations.step import Step

STEP = Step("shared", "5.12.0", "6.0.0")
