"""D4RL's original files: their addresses and checksums, their layout, reading and storing them."""
