"""The actor shell around core/: processes, sockets, supervision. Thespian is used here and nowhere else."""
