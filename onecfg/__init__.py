"""Change configuration files without disturbing them: comments, order, spacing and line endings survive every edit.

``patch``      one patch = one transaction over all its files; ``edit`` one file of it, ``diff`` the way back
``model``      the vocabulary: a change, what came of it, errors
``notation``   the two formats of a patch
``formats``    a lossless document per file family: oned.conf-like, YAML with Ruby symbols, shell assignments, plain
``catalogue``  which file below ``/etc/one`` is of which family
``disk``       lock, journal, transaction, backups
``upgrades``   from one release to the next
``defaults``   the files that the front-end ships
``cli``        the command
"""
