"""What it costs: figures measured side by side with a reference in the same run. `python3 run.py bench`."""
