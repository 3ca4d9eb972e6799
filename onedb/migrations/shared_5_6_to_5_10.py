"""Shared tables, 5.6 (and 5.8) to 5.10: the version only."""

from onedb.migrations.step import Step

STEP = Step("shared", "5.6.0", "5.10.0")
