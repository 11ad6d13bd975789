"""Noise floors and laws of the energy of the six toy sets, which every report of them is held against.

    .venv/bin/python studies/floors.py [--out suites/toy/references.json] [--samples 20000 500] [--tasks moons]

The file ships with the project. Make it anew when the code of a set, the distance or the divergence changes; a set
whose code has changed no longer gets these numbers. The draws are fixed, so a repeated run gives the same file. It
takes about ten minutes of one core; `--tasks` makes the numbers of some sets anew and leaves the others.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from suites.toy.densities import DENSITIES
from suites.toy.effective_beta import tabulate_energies
from suites.toy.floors import compute_floor
from suites.toy.references import ENERGIES, compute_fingerprint, name_floor, pack_law

BETAS = (0.0, 3.0, 10.0, 20.0)


def main() -> None:
    """Compute the numbers of each set and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("suites/toy/references.json"))
    parser.add_argument("--samples", type=int, nargs="+", default=[20_000, 500])
    parser.add_argument("--tasks", default=",".join(DENSITIES))
    options = parser.parse_args()
    for name in options.tasks.split(","):
        density = DENSITIES[name]
        numbers = {"fingerprint": compute_fingerprint(density), ENERGIES: pack_law(tabulate_energies(density))}
        for beta in BETAS:
            for samples in options.samples:
                numbers[name_floor(beta, samples)] = asdict(compute_floor(density, beta, samples))
        kept = json.loads(options.out.read_text()) if options.out.is_file() else {}
        options.out.write_text(f"{json.dumps({**kept, name: numbers}, sort_keys=True)}\n")
        print(f"{name}: done", flush=True)


if __name__ == "__main__":
    main()
