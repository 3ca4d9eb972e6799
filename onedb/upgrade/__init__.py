"""An upgrade that leaves a database entirely old or entirely new, whenever it is killed.

``names``     tables that only an upgrade knows
``plan``      which tables the steps change, and how a row goes through all of them
``guard``     one ``onedb`` at a time, no ``oned`` at work, room on the disk
``copying``   the new tables, filled through the steps
``weight``    what was written, held against what the database has
``swap``      the atomic exchange, the way back, and what a killed run left
``progress``  what a run tells of itself
``run``       all of it in order
``command``   ``onedb upgrade``
"""
