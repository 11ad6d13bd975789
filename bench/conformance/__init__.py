"""What the harness asks of every method and of every suite."""
