"""Readers of data sets, one module for each source, and the transitions that all of them give."""
