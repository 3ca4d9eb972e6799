"""The tables of 6.0, transactions over them, and the first start."""
