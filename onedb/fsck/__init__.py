"""Finding and repairing what the tables of a database say differently.

``command``     ``onedb fsck``
``run``         all checks in order, in one transaction: a dry run and a run that is killed change nothing
``records``     rows read page by page, and written back
``held``        what the virtual machines have of hosts, images, networks, routers and ports: one pass over them
``finding``     what a check reports

A check is a function of the records (and of what is held) that yields findings and repairs while it goes on, so that
the next one sees a repaired database. What upstream's release 6.0 checks is checked here, with its sentences.
"""
