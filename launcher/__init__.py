"""What runs on the operator's host: ``make run`` and its companions. Needs Python and nothing else."""
