"""Change configuration files without disturbing them: comments, order, spacing and line endings survive every edit.

``line``       the one-change-per-line patch format of SR1.3 (Table 1.7)
``patch``      one patch = one transaction over all its files
``formats``    a lossless document per file family: oned.conf-like, YAML with Ruby symbols, shell assignments
``catalogue``  which file below ``/etc/one`` is of which family
``defaults``   the files that the front-end ships
"""
