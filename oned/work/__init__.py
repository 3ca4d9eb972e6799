"""The runner of tasks: claims them with a lease, carries them out, applies each result exactly once."""
