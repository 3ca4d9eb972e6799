"""The probe: one Supervisor round trip and the services' own ready checks, one line of answer."""
