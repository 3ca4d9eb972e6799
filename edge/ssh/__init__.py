"""What works with SSH keys and hosts reached by SSH."""
