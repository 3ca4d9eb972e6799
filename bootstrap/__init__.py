"""The entrypoint: environment -> validated settings -> an ordered plan of steps -> Supervisor."""
