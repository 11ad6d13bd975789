"""The toy densities, exact samples of their targets and the distance to them."""
