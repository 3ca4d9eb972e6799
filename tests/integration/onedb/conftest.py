"""What the tests of onedb share: the MariaDB of the tests of oned."""

from tests.integration.oned.conftest import mariadb

__all__ = ["mariadb"]
