"""The figures of the front-end: ``make bench``, or ``python -m bench NAME`` for one of them."""
