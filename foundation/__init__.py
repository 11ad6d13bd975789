"""Shared by all packages: user errors, atomic file writes, locks, bounds of settings, choices with numbers."""
