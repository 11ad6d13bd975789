"""`python -m bench`: see `bench.cli.main`."""

import os

# OpenMP threads that wait by spinning slow a small training step by fifty times as soon as another process wants
# a core; passive ones do not. It has to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from bench.entry import check_one_root

if __name__ == "__main__":
    check_one_root()
    # Only now: with a foreign package in the way this import would fail before the check could name it.
    from bench.cli.main import main

    main()
