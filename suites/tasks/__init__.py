"""The task groups, declared as data."""
