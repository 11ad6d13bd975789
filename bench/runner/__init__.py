"""Plan, train and keep, evaluate, estimate, tune, time."""
