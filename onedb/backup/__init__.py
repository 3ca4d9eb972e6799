"""Backups that are proven before anybody counts on them, and the way back.

A backup is SQL text that the plain ``mariadb`` or ``sqlite3`` client loads; its last line holds what each table had.

``values``     a row as text: literals of both databases, counts and checksums
``snapshot``   the tables and rows of a database at one moment
``mysql``      that of MariaDB, straight from the wire
``sqlite``     that of SQLite
``writer``     the file: written, flushed, read back, compared, and only then given its name
``part``       the hidden file that a backup is before it gets its name
``follower``   reads a long file back while it is written
``part``       that file before it has its name
``sql``        reads SQL text of ``onedb``, ``mariadb-dump`` and ``sqlite3``, in pieces
``literals``   a row of such text
``definitions``  which of its statements a database may see
``result``     what a file holds, and what came of it
``meter``      how far a run has come
``reader``     a whole file: what it is, what it holds, whether it is complete
``restore``    into new tables, read back, and swapped in at once
``retention``  how many files are kept
"""
