"""Shared by all packages: user errors, atomic file writes, bounds of settings, choices with numbers, signals that stop."""
