"""Trained networks of one seed prepared for sampling: the same functions in fewer operations, and backwards.

The modules of `methods.diffusion.networks` are the reference that each is held to in tests.
"""
