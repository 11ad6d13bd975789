"""Critics, the weights made of their values, and their losses."""
