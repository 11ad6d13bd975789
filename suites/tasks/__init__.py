"""The suites, one file each, which declares `SUITE`."""
