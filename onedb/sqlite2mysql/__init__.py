"""``onedb sqlite2mysql``: moves a database from SQLite to MariaDB.

``command``  options, checks of both databases, what is told
``move``     the tables: made, filled, read back, compared, and swapped in at once
``columns``  what a value of SQLite is in a column of MariaDB
"""
