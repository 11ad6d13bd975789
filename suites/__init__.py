"""Tasks, data sets and environments, declared as data; no learning and no torch."""
