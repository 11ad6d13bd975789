"""`bench doctor`: whether this machine and this installation can run, and what to do where they cannot."""
