"""The monitoring daemon: takes what hosts report, and looks after hosts that fell silent.

It runs as a thread of ``oned``, as both work on one database; ``onemonitord`` runs it alone.
"""
