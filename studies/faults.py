"""What the program makes of kills, damaged and hostile files, full disks, other versions and other processes.

    .venv/bin/python studies/faults.py                          all of it, in two processes
    .venv/bin/python studies/faults.py --small                  a few cases of every part
    .venv/bin/python studies/faults.py --only kills             one part; the table has the others as kept
    .venv/bin/python studies/faults.py --only kills --case 12   one case, whose folders are left to be looked at
    .venv/bin/python studies/faults.py --failed                 again what failed, after it was mended
    .venv/bin/python studies/faults.py --kept                   the table again, from what is kept

Every case does something to a tiny comparison and looks at what becomes of it:

- went on: nothing differs from what an undisturbed command leaves (scores, episodes, counts, bytes of weights,
  choices, ledger), or the damaged file is not needed;
- made again: the same, and the command made again what was damaged;
- refused: one sentence and exit status 2;
- named: something differs and is accepted, for the reason that the second table gives;
- failed: a traceback, a hang, another ending, or a difference that nobody is told of. There should be none.

Cases follow from `--seed`. What was found is kept in `--out`, a file for each part. Exit status 1 with a failure.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch are imported: a fork would lose their threads
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["D4RL_URL"] = "http://127.0.0.1:9/"  # no case reaches beyond this machine
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from faulting.cases import KINDS, Case, Record, run_cases
from faulting.commands import import_everything

from foundation.files import write_atomically
from reports.render.document import Table, format_markdown_table

TABLES = "tables.md"
LIMIT = 600.0  # seconds that a case may take
KEEP_EVERY = 10.0  # seconds
WORDS = {"equal": "went on", "remade": "made again", "refused": "refused", "named": "named", "failed": "failed"}


@dataclass(frozen=True)
class Part:
    """A part of the study.

    Attributes:
        title: for the table.
        module: of `studies/faulting`, whose `make_cases` takes the seed, a folder and whether to be small.
        processes: cases at a time, at most.
    """

    title: str
    module: str
    processes: int = 2

    def make_cases(self, seed: int, scratch: Path, small: bool) -> list[Case]:
        """The cases; what they need is imported now, since only one part needs Hypothesis."""
        module = importlib.import_module(f"faulting.{self.module}")
        return module.make_cases(seed, scratch, small)


PARTS: Mapping[str, Part] = {
    "kills": Part("killed by time or at an operation, then run again", "kills"),
    "files": Part("damaged files", "files"),
    "names": Part("hostile names and texts in files", "names"),
    "numbers": Part("hostile numbers in files and options, claims of size", "numbers"),
    "fuzz": Part("mutated files and command lines", "fuzz"),
    "concurrent": Part("several commands on one folder at once", "concurrent_runs", processes=1),
    "disks": Part("full and read-only disks", "disks"),
    "versions": Part("folders of other versions", "versions"),
}


@dataclass(frozen=True)
class Kept:
    """What became of a part's cases so far.

    Attributes:
        cases: those that were tried, in their order.
        planned: how many there are.
    """

    cases: tuple[Record, ...] = ()
    planned: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every case was tried."""
        return bool(self.cases) and len(self.cases) == self.planned


def keep_records(out: Path, part: str, seed: int, kept: Kept) -> None:
    """Write what became of a part's cases."""
    content = {"part": part, "seed": seed, **asdict(kept)}
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / f"{part}.json", f"{json.dumps(content, indent=1)}\n".encode())


def read_records(out: Path, seed: int | None = None) -> dict[str, Kept]:
    """What is kept, by part, of one seed or of any."""
    found: dict[str, Kept] = {}
    for part in PARTS:
        file = out / f"{part}.json"
        content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        if content is not None and seed in (None, content["seed"]):
            found[part] = Kept(tuple(Record(**each) for each in content["cases"]), content["planned"])
    return found


def make_tables(kept: Mapping[str, Kept]) -> list[Table]:
    """How many cases of each part were tried and what became of them; what is accepted, and why; failures."""
    rows, reasons, tried = [], dict[tuple[str, str], int](), 0
    for part, of_part in kept.items():
        records = of_part.cases
        counts = {kind: sum(record.count for record in records if record.kind == kind) for kind in KINDS}
        tried += (count := sum(counts.values()))
        shown = str(count) if of_part.is_whole else f"{count} of {of_part.planned}"
        rows.append((PARTS[part].title, shown, *(str(counts[kind]) for kind in KINDS)))
        for record in records:
            if record.kind == "named":
                key = (PARTS[part].title, record.said.partition(" (")[0])
                reasons[key] = reasons.get(key, 0) + record.count
    total = [str(tried), *(str(sum(int(row[column]) for row in rows)) for column in range(2, 2 + len(KINDS)))]
    header = ("what is done", "cases", *(WORDS[kind] for kind in KINDS))
    tables = [Table(header, (*rows, ("together", *total)), words=1)]
    if reasons:
        lines = tuple((part, str(count), reason) for (part, reason), count in reasons.items())
        tables.append(Table(("what is done", "cases", "accepted, because"), lines, words=3))
    return tables


def choose_cases(cases: list[Case], kept: Sequence[Record], options: argparse.Namespace) -> list[Case]:
    """Those that are asked for, without those that are tried already."""
    if options.case is not None:
        return [case for case in cases if case.number == options.case]
    if options.failed:
        failed = {record.number for record in kept if record.kind == "failed"}
        return [case for case in cases if case.number in failed]
    tried = {record.number for record in kept}
    return [case for case in cases[:: options.share] if case.number not in tried]


def try_part(name: str, options: argparse.Namespace, scratch: Path) -> Sequence[Record]:
    """Try a part's cases, or some of them, and print each failure with how to see it again.

    What was found is kept every few seconds, so that a study that was stopped goes on; a whole one begins anew.
    """
    part, started = PARTS[name], time.monotonic()
    print(f"{name}: {part.title}", file=sys.stderr, flush=True)
    found = read_records(options.out, options.seed).get(name, Kept())
    if options.failed and not any(record.kind == "failed" for record in found.cases):
        return found.cases
    kept = found.cases if options.failed or not (found.is_whole or options.small) else ()
    every = part.make_cases(options.seed, scratch, options.small)
    cases, processes = choose_cases(every, kept, options), min(options.processes, part.processes)
    records, kept_at = list[Record](), time.monotonic()
    for record in run_cases(cases, scratch, processes, LIMIT, keep=options.case is not None):
        records.append(record)
        if options.case is None and time.monotonic() - kept_at > KEEP_EVERY:
            keep_records(options.out, name, options.seed, Kept(merge(kept, records), len(every)))
            kept_at = time.monotonic()
        if record.kind == "failed" or options.case is not None:
            print(f"  {record.kind}: {record.name}: {record.said}", file=sys.stderr)
            small = " --small" if options.small else ""
            print(
                f"    see studies/faults.py --seed {options.seed}{small} --only {name} --case {record.number}",
                file=sys.stderr,
                flush=True,
            )
    print(f"  {len(records)} cases in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    if options.case is None:
        keep_records(options.out, name, options.seed, Kept(merge(kept, records), len(every)))
    return merge(kept, records)


def merge(kept: Sequence[Record], tried: Sequence[Record]) -> tuple[Record, ...]:
    """All records in the order of their cases; a case that was tried again counts once."""
    by_number = {record.number: record for record in (*kept, *tried)}
    return tuple(by_number[number] for number in sorted(by_number))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(PARTS), help="one part")
    parser.add_argument("--case", type=int, help="one case of that part")
    parser.add_argument("--small", action="store_true", help="a few cases of every part")
    parser.add_argument("--failed", action="store_true", help="the cases that failed, of those kept in --out")
    parser.add_argument("--share", type=int, default=1, help="every n-th case")
    parser.add_argument("--processes", type=int, default=2, help="cases at a time")
    parser.add_argument("--scratch", type=Path, help="folder for what cases leave; else one that is deleted")
    parser.add_argument("--out", type=Path, default=Path("results/tables/faults"), help="folder of what was found")
    parser.add_argument("--kept", action="store_true", help="try nothing: the table of what is kept")
    options = parser.parse_args()
    if options.case is not None and options.only is None:
        parser.error("--case needs --only PART")
    return options


def try_parts(options: argparse.Namespace, scratch: Path) -> bool:
    """Try the parts that are asked for and keep what was found; whether none has failed."""
    scratch.mkdir(parents=True, exist_ok=True)
    scratch.chmod(0o755)  # for a case that goes on as another user
    is_sound = True
    for name in (options.only,) if options.only else PARTS:
        records = try_part(name, options, scratch)
        is_sound &= not any(record.kind == "failed" for record in records)
        if options.case is not None and not records:
            sys.exit(f"{name} has no case {options.case}")
    return is_sound


def main() -> None:
    """Try, keep, print the tables."""
    options, is_sound = parse_options(), True
    if not options.kept:
        torch.set_num_threads(1)
        import_everything()
        with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
            is_sound = try_parts(options, (options.scratch or Path(temporary)).absolute())
    if options.case is None:
        tables = make_tables(read_records(options.out))
        text = "\n\n".join(map(format_markdown_table, tables))
        write_atomically(options.out / TABLES, f"{text}\n".encode())
        print(text)
    sys.exit(0 if is_sound else 1)


if __name__ == "__main__":
    main()
