"""``oneflow`` and ``oneflow-template``: the REST interface for people."""
