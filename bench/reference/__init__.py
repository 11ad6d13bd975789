"""What the code says of methods and settings, read as data: the command `list` and the documentation print it."""
