"""``opennebula-scheduler``: finds a host, a datastore and networks for every virtual machine that waits.

``expressions``  the language of requirements and ranks
``view``         hosts, datastores, networks and machines as the API shows them
``match``        what fits where, and in which order it is tried
``actions``      actions that users asked to be done at a time
``cycle``        one round: look, match, deploy, tell the user why not
``cli``          the process: rounds at an interval, or as soon as an event says that something changed
"""
