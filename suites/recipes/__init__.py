"""How data are made on this machine."""
