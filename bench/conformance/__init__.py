"""What the harness asks of every method, and the small task that it is checked on."""
