"""Trained networks of one seed prepared for sampling: the same function in fewer operations, its gradient written out.

The modules of `methods.diffusion.networks` are the reference that each is held to in tests.
"""
