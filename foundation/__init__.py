"""Shared by all packages: user errors, atomic file writes, bounds, numbered choices, signals that stop."""
