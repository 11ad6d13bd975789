"""Statistics: aggregates, intervals and comparisons."""
