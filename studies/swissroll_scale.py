"""SWG on the swiss roll with its weight scaled by another energy than the 1.5 that one point in a million passes.

    .venv/bin/python studies/swissroll_scale.py 1.2 [--seeds 1] [--results results/swissroll]

The energy has no bound, so w = e^{β(E - E_max)} needs an E_max that somebody chose: a large one pushes most
weights below the clip of the prediction, 1e-4, a small one cuts off the best points (1.0 is the authors' own). It
trains at `quick` and reports into a folder named by the scale: results do not say by which they were made.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from suites.toy import densities

NAME = "swissroll"


def main() -> None:
    """Change the scale before the tasks are declared, then run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale", type=float)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--results", type=Path, default=Path("results/swissroll"))
    options = parser.parse_args()
    scaled = dataclasses.replace(densities.DENSITIES[NAME], energy_max=options.scale)
    densities.DENSITIES = {**densities.DENSITIES, NAME: scaled}

    import bench

    results = options.results / f"{options.scale:g}"
    # In one process: others would declare the tasks anew, with the old scale.
    bench.run(
        suite="toy",
        tasks=NAME,
        methods=["unguided", "swg"],
        preset="quick",
        seeds=options.seeds,
        processes=1,
        results=results,
    )
    print((bench.report(results=results) / "summary.txt").read_text())


if __name__ == "__main__":
    main()
