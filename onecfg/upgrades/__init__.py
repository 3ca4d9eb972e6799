"""From one release of OpenNebula to the next: versions, the state file, and what each release changed."""
