"""The small shared vocabulary of every room: locations, errors, template syntax, auth files, client session."""
