"""From a request on the wire to an answer on the wire."""
