"""What the pools hold: one module per kind of object, to and from the XML bodies of 6.0."""
