"""What the papers and the authors' code set, one file per method, each value with its source."""
