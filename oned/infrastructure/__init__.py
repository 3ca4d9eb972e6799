"""Hosts, clusters and datastores: capacity, membership, console ports."""
