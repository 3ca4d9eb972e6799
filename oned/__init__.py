"""The embedded OpenNebula-6.0-compatible server: API, access control, pools."""

VERSION = "6.0.0.3"
"""The OpenNebula release whose API and behaviour this server answers with."""
