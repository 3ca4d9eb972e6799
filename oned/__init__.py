"""The embedded OpenNebula-6.0-compatible server.

A call comes in through ``api`` (HTTP, wire, service), is authenticated by ``access``, finds its row in
``methods.table`` and runs its handler in a transaction of ``database``. A resource is one module of ``methods`` and one
of ``model``; what resources share is in ``methods.shared``, ``model.base`` and ``database.pools``.

``access``          who may do what: sessions, rules, quotas
``infrastructure``  hosts, clusters, datastores, and what monitoring reports of them
``network``         address ranges and leases
``storage``         images, and what they are for machines
``vm``              what a virtual machine is made of
``life``            what becomes of it: states, events, steps
``tasks``           work outside of the database, asked for in the transaction of the change
``work``            carries tasks out, with leases, through ``drivers``
``hooks``           events for subscribers, records of hooks
"""

VERSION = "6.0.0.3"
"""The OpenNebula release whose API and behaviour this server answers with."""
