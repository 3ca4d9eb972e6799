"""Which servers exchange tables so that their own crash leaves all of them exchanged, or none."""

import re

from onedb.errors import OnedbError

FIRST_MARIADB, FIRST_MYSQL = (10, 6), (8, 0)


def check_server(version: str) -> None:
    """Refuse the server that calls itself ``version``, if its RENAME TABLE does not survive a crash.

    Raises :class:`OnedbError`.
    """
    found = re.search(r"(\d+)\.(\d+)(?=\.\d+-MariaDB)", version) or re.match(r"(\d+)\.(\d+)", version)
    numbers = tuple(int(part) for part in found.groups()) if found else (0, 0)
    if numbers < (FIRST_MARIADB if "MariaDB" in version else FIRST_MYSQL):
        raise OnedbError(
            f"The server is {version}: were it killed at the wrong moment, its tables would be half renamed.",
            todo="Upgrade it to MariaDB 10.6 or MySQL 8.0 at least; nothing was changed.",
        )
