"""Makes the tables that README and docs quote, each by name, from the commands that measure them.

    .venv/bin/python studies/tables.py                      what there is, with pages and commands
    .venv/bin/python studies/tables.py maze2d               run what is open, then write the pages
    .venv/bin/python studies/tables.py maze2d --kept        measure nothing: write the pages from what is kept
    .venv/bin/python studies/tables.py maze2d --check       measure nothing: say which quotes differ

A page marks a quote by two comments, `<!-- table NAME: PART -->` and `<!-- end of table -->`; what stands between
them is replaced. Of a report a part is `conclusion`, or a heading's first words with `note` (the paragraph below
it), `whole table` (the first table, its columns together where the report splits them) or `table` and a number, as
in `Pairs, table 1`. Commands resume; their results lie in `results/tables/NAME`. What a whole run left is kept in
`studies/kept/NAME.tar.xz`, every result with its episodes; `--kept` and `--check` make its report again. Results
with samples, those of toy sets, are too large for that.
"""

import argparse
import io
import lzma
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from foundation.files import write_atomically
from reports.analysis.coverage import read_coverage
from reports.render.document import Table, format_markdown_table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path("results") / "tables"
KEPT = Path("studies") / "kept"
MADE_AGAIN = frozenset({"report", "logs", "tables.md"})  # from what is kept
WIDTH = 120
_MARK = re.compile(r"(<!-- table ([\w-]+): (.+?) -->\n).*?(<!-- end of table -->)", re.DOTALL)


@dataclass(frozen=True)
class Measurement:
    """Commands, and what pages may quote of what they leave.

    Attributes:
        commands: what `python` is given, one after the other.
        quote: from the folder of all measurements and the name of a part to its Markdown; a KeyError where there
            is no such part.
        printed: the file that keeps what the commands print, if that is what is quoted.
        remake: from the folder of the results to the command that makes what is quoted from them, if there is one.
    """

    commands: tuple[str, ...]
    quote: Callable[[Path, str], str]
    printed: Path | None = None
    remake: Callable[[Path], str] | None = None

    def run(self, folder: Path) -> None:
        """Run the commands, and keep what they print where it is quoted; `folder` is that of the results."""
        if self.printed is None:
            for command in self.commands:
                run_python(command)
            if self.remake is not None:
                run_python(self.remake(folder))
            return
        made = [
            subprocess.run([sys.executable, *shlex.split(command)], check=True, cwd=ROOT, stdout=subprocess.PIPE)
            for command in self.commands
        ]
        (ROOT / self.printed).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(ROOT / self.printed, b"".join(each.stdout for each in made))


def run_python(command: str) -> None:
    """Run a command of this repository, or stop with its error."""
    print(f"python {command}", flush=True)
    subprocess.run([sys.executable, *shlex.split(command)], check=True, cwd=ROOT)


def keep(name: str) -> None:
    """Pack the results of a measurement, without reports, logs and locks; equal results make an equal file.

    Those of toy sets, whose samples take megabytes, are not kept.
    """
    folder = ROOT / RESULTS / name
    if not folder.is_dir() or next(folder.rglob("*.npz"), None) is not None:
        return
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(folder.rglob("*")):
            place = file.relative_to(folder)
            is_hidden = any(part.startswith(".") for part in place.parts)
            if file.is_file() and place.parts[0] not in MADE_AGAIN and not is_hidden:
                entry = tarfile.TarInfo(place.as_posix())
                entry.size = file.stat().st_size
                with file.open("rb") as content:
                    archive.addfile(entry, content)
    write_atomically(ROOT / KEPT / f"{name}.tar.xz", lzma.compress(packed.getvalue(), preset=9))


def lay_out(name: str, folder: Path) -> Path:
    """The folder of all measurements with the kept results of one, and what is quoted made from them today.

    Args:
        name: of the measurement.
        folder: an empty one, used where results of it are kept; else what the last run left.
    """
    file, remake = ROOT / KEPT / f"{name}.tar.xz", MEASUREMENTS[name].remake
    if not file.exists() or remake is None:
        return ROOT / RESULTS
    with tarfile.open(file) as archive:
        archive.extractall(folder / name, filter="data")
    run_python(remake(folder / name))
    return folder


def quote_report(name: str, folder: Path, part: str) -> str:
    """A part of `report.md`: its opening, or a note or a table under a heading.

    Args:
        name: of the measurement.
        folder: of all measurements.
        part: see the module's docstring.

    Raises:
        KeyError: there is no such part.
        FileNotFoundError: there is no report.
    """
    blocks = (folder / name / "report" / "report.md").read_text(encoding="utf-8").strip().split("\n\n")
    if part == "conclusion":
        end = next(i for i, block in enumerate(blocks) if block.startswith("## "))
        said = [block for block in blocks[1:end] if not re.match(r"[\d,]+ results?\b", block)]
        return "\n>\n".join(_wrap(block, "> ") for block in said)
    heading, _, what = part.rpartition(", ")
    found = _find_section(blocks, heading)
    if what == "note":
        return _wrap(next(block for block in found if not block.startswith(("|", "!", "<"))))
    if what == "whole table":
        return _join_pieces([block for block in found if block.startswith("|")])
    return _pick_table(found, what)


def _join_pieces(tables: list[str]) -> str:
    """The first table with the columns of those that follow it and have the same first column."""
    lines = [table.splitlines() for table in tables]
    labels = [[line.split("|")[1] for line in piece] for piece in lines]
    count = next((i for i, own in enumerate(labels) if own != labels[0]), len(labels))
    rows = zip(*lines[:count], strict=True)
    return "\n".join(first + "".join(line.split("|", 2)[2] for line in others) for first, *others in rows)


def _pick_table(blocks: list[str], part: str) -> str:
    """The table of that number, such as `table 1`."""
    tables = [block for block in blocks if block.startswith("|")]
    number = int(part.removeprefix("table "))
    if number > len(tables):
        raise KeyError(f"there are {len(tables)} tables, and no {part}")
    return tables[number - 1]


def _find_section(blocks: list[str], heading: str) -> list[str]:
    """The blocks under the heading that starts so, until the next one."""
    is_start = [block.startswith("#") and block.lstrip("# ").startswith(heading) for block in blocks]
    if not any(is_start):
        raise KeyError(f"the report has no heading {heading!r}")
    rest = blocks[is_start.index(True) + 1 :]
    end = next((i for i, block in enumerate(rest) if block.startswith("#")), len(rest))
    return rest[:end]


def _wrap(text: str, indent: str = "") -> str:
    filler = textwrap.TextWrapper(
        WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return filler.fill(text)


def quote_printed(name: str, folder: Path, part: str) -> str:
    """A table that commands printed.

    Args:
        name: of the measurement.
        folder: of all measurements.
        part: `table` and a number.

    Raises:
        KeyError: there is no such table.
        FileNotFoundError: nothing was printed.
    """
    return _read_table(folder / f"{name}.md", part)


def quote_tables(name: str, folder: Path, part: str) -> str:
    """A table of a study's `tables.md`; see `quote_printed`."""
    return _read_table(folder / name / "tables.md", part)


def _read_table(file: Path, part: str) -> str:
    return _pick_table(file.read_text(encoding="utf-8").strip().split("\n\n"), part)


def quote_coverage(folder: Path, part: str) -> str:
    """The coverage of a statistic's intervals in percent, the lowest of what the table holds for each law.

    Args:
        folder: of all measurements; the coverage is the shipped one.
        part: a statistic of `reports/simulated/coverage.csv`.

    Raises:
        KeyError: there is no such statistic.
    """
    rows = pd.DataFrame(read_coverage())
    rows = rows[rows["statistic"] == part]
    if rows.empty:
        raise KeyError(f"coverage.csv has no statistic {part!r}")
    lowest = rows.groupby(["interval", "law", "tasks", "seeds"], sort=False)["coverage"].min().to_dict()
    seeds, tasks = (list(dict.fromkeys(rows[name])) for name in ("seeds", "tasks"))
    header = ("interval", "law", *(f"{n} task{'s' if n > 1 else ''}" for n in tasks))
    lines = [
        (
            interval,
            law,
            *(" / ".join(f"{100 * lowest[interval, law, n, size]:.1f}" for size in seeds) for n in tasks),
        )
        for interval, law in dict.fromkeys(zip(rows["interval"], rows["law"], strict=True))
    ]
    return format_markdown_table(Table(header, tuple(lines), words=2))


def measure_report(name: str, *commands: str) -> Measurement:
    """Commands of `python -m bench` whose report is quoted.

    Args:
        name: of the results' folder.
        commands: without the folder.
    """
    lines = tuple(f"-m bench {command} --results {RESULTS / name}" for command in commands)

    def remake(folder: Path) -> str:
        return f"-m bench report --results {shlex.quote(str(folder))}"

    return Measurement(lines, partial(quote_report, name), remake=remake)


def measure_study(name: str, script: str) -> Measurement:
    """A study that keeps its numbers in a folder and makes tables of them.

    Args:
        name: of that folder.
        script: with its options.
    """

    def remake(folder: Path) -> str:
        return f"{script.split()[0]} --kept --out {shlex.quote(str(folder))}"

    return Measurement((f"{script} --out {RESULTS / name}",), partial(quote_tables, name), remake=remake)


_MAZE = "--suite maze2d --preset quick"
_FIGURE_2 = "--preset quick --seeds 5 --evaluation.episodes 20 --data local"
_HOPPER = "--suite locomotion --tasks hopper-medium-v2 --preset paper --device cpu"
MEASUREMENTS: Mapping[str, Measurement] = {
    "bench": measure_report("bench", f"run {_MAZE} --tasks maze2d-umaze"),
    "maze2d": measure_report(
        "maze2d",
        f"tune {_MAZE} --protocol fair --evaluation.episodes 20 --ranges candidates=1:16",
        f"run {_MAZE} --protocol fair",
    ),
    "toy": measure_report(
        "toy", "run --suite toy --preset quick --methods unguided,swg,cep,ddice,mse,dps --seeds 3"
    ),
    "toy-faults": Measurement(
        ("studies/toy_faults.py --repeats 3",),
        partial(quote_printed, "toy-faults"),
        RESULTS / "toy-faults.md",
    ),
    "speed": Measurement(("studies/speed.py",), partial(quote_printed, "speed"), RESULTS / "speed.md"),
    # The same on another processor, one that multiplies bfloat16 in AMX.
    "amx": Measurement(("studies/speed.py",), partial(quote_printed, "amx"), RESULTS / "amx.md"),
    "scales": Measurement(
        ("studies/speed.py --only 'scales,1 states'",), partial(quote_printed, "scales"), RESULTS / "scales.md"
    ),
    # The checkouts of other repositories, and a Python that has their packages too: see the script.
    "peers": Measurement(
        ("studies/peers.py --checkouts build/peers",), partial(quote_printed, "peers"), RESULTS / "peers.md"
    ),
    "peers-amx": Measurement(
        ("studies/peers.py --checkouts build/peers",),
        partial(quote_printed, "peers-amx"),
        RESULTS / "peers-amx.md",
    ),
    "precision": measure_study("precision", f"studies/precision.py --tuned-from {KEPT / 'maze2d.tar.xz'}"),
    "rescaling": Measurement(
        (f"-m bench run --experiment aepo-figure2 {_FIGURE_2} --results {RESULTS / 'rescaling'}",),
        partial(quote_tables, "rescaling"),
        remake=lambda folder: f"studies/rescaling.py {shlex.quote(str(folder))}",
    ),
    "causes": measure_study("causes", "studies/causes.py"),
    "faults": measure_study("faults", "studies/faults.py"),
    "weight-heads": measure_study("weight-heads", "studies/weight_heads.py"),
    # The checkout of SWG-JAX, and a Python that has its packages too: see the script.
    "same-law": measure_study("same-law", "studies/same_law.py --checkouts build/peers"),
    "cost": measure_report(
        "cost", f"time {_HOPPER} --sweep depth", f"time {_HOPPER} --sweep width", f"time {_HOPPER}"
    ),
    "coverage": Measurement(("studies/coverage.py",), quote_coverage),
}


def find_quotes() -> Iterator[tuple[Path, str, str]]:
    """Page, measurement and part of every quote, in the order of the pages."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for match in _MARK.finditer(page.read_text(encoding="utf-8")):
            yield page, match[2], match[3]


def rewrite(text: str, name: str, folder: Path) -> str:
    """A page with the quotes of one measurement as its results in the folder of all measurements have them."""

    def replace(match: re.Match[str]) -> str:
        if match[2] != name:
            return match[0]
        return f"{match[1]}\n{MEASUREMENTS[name].quote(folder, match[3])}\n\n{match[4]}"

    return _MARK.sub(replace, text)


def update_pages(name: str, folder: Path, *, write: bool) -> list[Path]:
    """The pages whose quotes of a measurement differ from its results; they are rewritten if asked for."""
    changed = []
    for page in dict.fromkeys(page for page, quoted, _ in find_quotes() if quoted == name):
        text = page.read_text(encoding="utf-8")
        made = rewrite(text, name, folder)
        if made != text:
            changed.append(page)
            if write:
                write_atomically(page, made.encode())
    return changed


def list_measurements() -> None:
    """Print every measurement with the parts that pages quote, and its commands."""
    for name, measurement in MEASUREMENTS.items():
        print(name)
        for page, quoted, part in find_quotes():
            if quoted == name:
                print(f"  quoted: {page.relative_to(ROOT)}: {part}")
        made = (measurement.remake(RESULTS / name),) if measurement.remake is not None else ()
        for command in (*measurement.commands, *made):
            print(f"  command: python {command}")


def main() -> None:
    """Measure, then write or compare the pages; exit status 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=tuple(MEASUREMENTS), help="which; none lists them")
    parser.add_argument("--kept", action="store_true", help="measure nothing")
    parser.add_argument("--check", action="store_true", help="measure nothing, change no page")
    options = parser.parse_args()
    if options.name is None:
        list_measurements()
        return
    is_measured = not (options.kept or options.check)
    if is_measured:
        MEASUREMENTS[options.name].run(RESULTS / options.name)
        keep(options.name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = ROOT / RESULTS if is_measured else lay_out(options.name, Path(scratch))
        try:
            changed = update_pages(options.name, folder, write=not options.check)
        except FileNotFoundError as error:
            parser.error(f"{error.filename} is not there; run `studies/tables.py {options.name}` first")
    for page in changed:
        print(f"{page.relative_to(ROOT)}: {'differs' if options.check else 'rewritten'}")
    if not changed:
        print("no page differs")
    sys.exit(1 if options.check and changed else 0)


if __name__ == "__main__":
    main()
