"""D4RL's own files: where they lie, how they are fetched, checked and read."""
