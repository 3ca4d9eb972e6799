"""Drivers that only pretend, for trials and tests without a hypervisor.

Whatever they are asked succeeds at once, unless the template of the object (a virtual machine, host, image, datastore,
marketplace or address range) asks for something else::

    DUMMY = [ DELAY = "0.2", FAIL = "deploy, shutdown", FAIL_ONCE = "save", HANG = "migrate" ]

DELAY is in seconds; the others name actions: FAIL fails them, FAIL_ONCE only the first time in a run of the server,
HANG never answers. ``-d SECONDS`` among the driver's ARGUMENTS is a delay for all.
"""
