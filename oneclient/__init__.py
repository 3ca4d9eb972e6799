"""The command line for people: ``one RESOURCE VERB ...``, and OpenNebula's own names of commands as aliases."""
