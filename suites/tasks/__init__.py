"""The suites, one file each, which registers the suite of its name."""
