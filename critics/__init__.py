"""The critic layer: values, losses and weights, and the pieces that every component is built of."""
