"""The embedded OpenNebula-6.0-compatible server: API, access control, pools.

A call comes in through ``server`` (HTTP) and ``xmlrpc`` (wire), ``service`` authenticates it (``authenticate``), finds
its row in ``methods.table`` and runs the handler in a transaction of ``db``. A resource is one module of ``methods``
and one of ``model``; what resources share is in ``methods.shared``, ``model.base``, ``pools`` and ``acl``.
"""

VERSION = "6.0.0.3"
"""The OpenNebula release whose API and behaviour this server answers with."""
