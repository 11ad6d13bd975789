"""Engines that do the units of work of a run: in this process, or in several processes of this machine."""
