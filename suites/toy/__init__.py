"""The toy densities, their exact targets and the distance to them."""
