"""Random faults against a real server for as long as one likes, with the invariants watched: `python3 run.py soak`."""
