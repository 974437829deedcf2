"""Commands, settings and processes: everything that starts the other packages."""
