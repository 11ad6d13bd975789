"""`python -m bench`: see `bench.entry` and `bench.cli.main`."""

from bench.entry import main

if __name__ == "__main__":
    main()
