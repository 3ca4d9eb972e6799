"""What acts on hosts and storage: a family of drivers per folder, found by the names in ``oned.conf``."""
