"""The simulators that tasks are evaluated in."""
