"""What a service prepares just before it starts: functions that the runner calls, named in descriptors."""
