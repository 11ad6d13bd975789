"""Recipes by which data are generated on this machine."""
