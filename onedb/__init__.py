"""The database of a front-end: its version, upgrade, backup, restore and repair.

``cli``         the command ``onedb``: one module per command, imported when it is the one that was asked for
``connection``  where the database is: options, environment, ``DB`` of oned.conf
``version``     the versions of its two halves, shared and local, and what follows from them
``upgrade``     copy, verify, swap; recovery of what a killed run left; the way back
``migrations``  what each release changed, as functions of rows
``backup``      verified files, restore, and the move from SQLite to MariaDB
``fsck``        inconsistencies, and their repair
"""
