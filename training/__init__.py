"""The ground floor of everything that learns: components, batches, seeds, networks and the loop."""
