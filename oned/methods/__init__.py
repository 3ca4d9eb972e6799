"""The methods of the API: one module per resource, and :mod:`oned.methods.table` that lists them all."""
