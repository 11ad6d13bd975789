"""Makes the pictures of `docs/studies/toy.md`, in the colours that methods have in every report.

    .venv/bin/python studies/toy_pictures.py                  rewrites docs/exactness.png, and docs/8gaussians.png
                                                              where its samples are there
    .venv/bin/python studies/toy_pictures.py --out FOLDER     writes them elsewhere

`exactness.png` is drawn from the table on that page, so that both show the same numbers, to the table's digits.
Samples of toy sets are too large to be kept here: `8gaussians.png` is that of the report which `report --print
--results results/tables/toy` makes after `studies/tables.py toy`, and is left as it is where there is none.
"""

import argparse
import re
import sys
from functools import partial
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from foundation.files import write_atomically
from reports.analysis.distances import OVERALL
from reports.figures.canvas import save_canvas
from reports.figures.exactness import draw_exactness
from reports.figures.marks import make_marks
from reports.figures.style import find_styles

ROOT = Path(__file__).resolve().parent.parent
PAGE, PART = ROOT / "docs" / "studies" / "toy.md", "<!-- table toy: Exactness, table 1 -->"
SAMPLES = ROOT / "results" / "tables" / "toy" / "report" / "toy-8gaussians.png"
_CELL = re.compile(r"([\d.]+) \[([\d.]+), ([\d.]+)\]")


def read_marks(page: str) -> pd.DataFrame:
    """What the figure shows, a row for each set, variant and β of the page's table, the mean of the sets last.

    Raises:
        ValueError: the page has no such table, or a cell of it is no number with an interval.
    """
    _, found, rest = page.partition(PART)
    table, ended, _ = rest.partition("<!-- end of table -->")
    if not (found and ended):
        raise ValueError(f"the page has no table that begins at {PART}")
    header, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()
    ]
    betas = [float(name.removeprefix("β = ")) for name in header[2:]]
    rows: list[tuple[object, ...]] = []
    for name, variant, *cells in lines:
        for beta, cell in zip(betas, cells, strict=True):
            numbers = _CELL.fullmatch(cell)
            if numbers is None:
                raise ValueError(f"{cell!r} of {variant} on {name} is no number with an interval")
            rows.append((name, variant, beta, *map(float, numbers.groups())))
    rows.sort(key=lambda row: row[0] == OVERALL)
    return make_marks(rows, "task", "variant", "beta", "value", "lower", "upper")


def draw_picture(page: str) -> bytes:
    """The figure of the page's table as PNG."""
    marks = read_marks(page)
    styles = find_styles({variant: variant for variant in dict.fromkeys(marks["variant"])})
    return save_canvas(partial(draw_exactness, marks, styles), "png")


def main() -> None:
    """Draw what can be drawn, and say what cannot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="the folder of the pictures")
    out = parser.parse_args().out
    write_atomically(out / "exactness.png", draw_picture(PAGE.read_text(encoding="utf-8")))
    print(f"{out / 'exactness.png'}: drawn from the table of {PAGE.relative_to(ROOT)}")
    if SAMPLES.is_file():
        write_atomically(out / "8gaussians.png", SAMPLES.read_bytes())
        print(f"{out / '8gaussians.png'}: that of {SAMPLES.relative_to(ROOT)}")
    else:
        print(f"{out / '8gaussians.png'}: left as it is, as there is no {SAMPLES.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
