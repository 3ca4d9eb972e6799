"""What ``EXECUTABLE = "one_tm"`` and the like mean where ``/usr/lib/one/mads`` has no such program.

One module per name, each with a class ``Driver``.
"""
