"""Configuration files on the disk: read, locked, replaced together, backed up and brought back."""
