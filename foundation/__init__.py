"""Shared by all packages: user errors, files, locks, bounds, numbered choices, signals that stop, what ran out."""
