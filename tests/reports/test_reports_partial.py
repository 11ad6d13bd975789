"""A report on a plan that is not finished says what is missing and averages over none of it."""

import csv
import itertools
from pathlib import Path

import pytest
from synthetic_results import ResultsFolder, control, density, failed

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.partial import Matrix, choose_compared
from reports.load.scores import load_scores
from reports.report import write_report

TASKS, METHODS, SEEDS = ("maze2d-umaze", "maze2d-medium"), ("unguided", "swg", "cep"), (0, 1, 2)
QUICK = Options(replicates=100, partial=True)


def score(task: str, method: str, seed: int) -> float:
    """Different for every cell, so that a mean tells what it is over."""
    return 100.0 * TASKS.index(task) + 10.0 * METHODS.index(method) + seed**2


def plan_and_run(folder: ResultsFolder, missing: set[tuple[str, str, int]]) -> dict[tuple[str, str, int], Path]:
    """A plan of all cells, and the results of those that are not missing."""
    paths, entries = {}, []
    for task, method, seed in itertools.product(TASKS, METHODS, SEEDS):
        path = folder.add(control(task, method, seed, score(task, method, seed)))
        paths[task, method, seed] = path
        place = str(path.relative_to(folder.path))
        entries.append(
            {"suite": "maze2d", "task": task, "method": method, "rho": None, "seed": seed, "path": place}
        )
    folder.write_plans(entries)
    for cell in missing:
        paths[cell].unlink()
    return paths


def write(folder: ResultsFolder, options: Options = QUICK) -> Path:
    write_report(folder.path, folder.path / "out", options=options)
    return folder.path / "out"


def largest(whole: Matrix, there: set[tuple[str, str, int]], variants: tuple[str, ...]) -> int:
    """The largest tasks × seeds that these variants have, by trying all sets of tasks and of seeds."""
    best = 0
    for some in range(1, len(whole.tasks) + 1):
        for tasks in itertools.combinations(whole.tasks, some):
            for count in range(1, len(whole.seeds) + 1):
                for seeds in itertools.combinations(whole.seeds, count):
                    if all(cell in there for cell in itertools.product(tasks, variants, seeds)):
                        best = max(best, len(tasks) * len(seeds))
    return best


def test_what_is_compared_is_as_large_as_any_full_part():
    whole = Matrix(("a", "b", "c"), ("x", "y"), (0, 1, 2, 3))
    every = set(itertools.product(whole.tasks, whole.variants, whole.seeds))
    for number in range(40):  # holes by a fixed rule, 0 to 13 of 24
        there = {cell for place, cell in enumerate(sorted(every)) if (7 * place + number) ** 2 % 41 > number % 20}
        found = choose_compared(whole, there)
        assert set(itertools.product(found.tasks, found.variants, found.seeds)) <= there
        assert len(found.tasks) * len(found.seeds) == largest(whole, there, found.variants)
        if largest(whole, there, whole.variants):
            assert found.variants == whole.variants


def test_of_equal_parts_the_one_with_more_seeds_is_compared_and_a_variant_without_results_is_not():
    whole = Matrix(("a", "b", "c"), ("x", "y", "z"), (0, 1, 2))
    # One seed of three tasks, or three seeds of one: both are three.
    there = {(t, v, 0) for t in "abc" for v in "xy"} | {("b", v, s) for v in "xy" for s in (1, 2)}
    assert choose_compared(whole, there) == Matrix(("b",), ("x", "y"), (0, 1, 2))
    # Nothing in common: the one with fewer results is left out.
    apart = {("a", "x", 0), ("a", "x", 1), ("b", "y", 0)}
    assert choose_compared(whole, apart) == Matrix(("a",), ("x",), (0, 1))


def test_without_partial_the_error_names_it(folder):
    plan_and_run(folder, {(TASKS[1], "cep", 2)})
    with pytest.raises(ReportError, match=r"1 result\(s\) are missing: maze2d-medium, cep, seed 2; .*`--partial`"):
        load_scores(folder.path)


def test_a_mean_is_over_cells_that_all_methods_have(folder):
    plan_and_run(folder, {(TASKS[1], "cep", 2), (TASKS[1], "cep", 1), (TASKS[1], "cep", 0)})
    (scores,) = load_scores(folder.path, partial=True)
    assert (scores.tasks, scores.variants, scores.seeds) == ((TASKS[0],), METHODS, SEEDS)
    out = write(folder)
    page, summary = (out / "report.md").read_text(), (out / "summary.txt").read_text()
    said = (
        "PARTIAL: 15 of the 18 results of the last plan are there; 3 are missing: by method, `cep` 3; by task, "
        "`maze2d-medium` 3."
    )
    assert page.startswith(f"# Diffusion guidance: report\n\n**Warning:** {said}")
    assert summary.startswith(said)
    where = "on 1 of 2 tasks (maze2d-umaze) and 3 of 3 seeds (0, 1, 2)"
    assert f"tables and figures are of `unguided`, `swg`, `cep` {where}" in page
    assert "Without `cep` (3 of 6 results) 6 pairs of a task and a seed, instead of 3, could be compared." in page
    for text in (page, summary):
        row = next(line for line in text.splitlines() if line.startswith("| maze2d-medium (local)"))
        assert [cell.strip() for cell in row.strip("|").split("|")[1:]] == [
            "– (3 of 3)",
            "– (3 of 3)",
            "– (0 of 3)",
        ]
    # Of swg on umaze 10, 11 and 14: 11.67; with medium's 110, 111 and 114 it would be 61.67.
    row = next(line for line in page.splitlines() if line.startswith("| maze2d-umaze (local)"))
    assert "11.7 ± 2.1" in row
    assert "\n| mean over tasks |" not in page


def test_seeds_that_one_method_lacks_are_in_no_mean(folder):
    plan_and_run(folder, {(TASKS[0], "swg", 2), (TASKS[1], "cep", 2)})
    (scores,) = load_scores(folder.path, partial=True)
    assert (set(scores.tasks), scores.seeds) == (set(TASKS), (0, 1))
    assert scores.matrix("unguided").tolist() == [[0.0, 100.0], [1.0, 101.0]]
    rows = list(csv.DictReader((write(folder) / "partial.csv").read_text().splitlines()))
    states = {(r["task"], r["variant"], int(r["seed"])): (r["state"], r["score"]) for r in rows}
    assert len(states) == 18
    assert states[TASKS[0], "swg", 2] == ("missing", "")
    assert states[TASKS[0], "unguided", 2] == ("left out", "4.0")
    assert states[TASKS[0], "unguided", 1] == ("compared", "1.0")


def test_a_method_that_was_not_begun_is_a_column_of_marks(folder):
    plan_and_run(folder, {(task, "cep", seed) for task in TASKS for seed in SEEDS})
    page = (write(folder) / "report.md").read_text()
    assert "Left out: `cep` (0 of 6 results)." in page
    row = next(line for line in page.splitlines() if line.startswith("| mean over tasks"))
    assert row.split("|")[-2].strip() == "–"
    assert "12 results, 6 missing" in page


def test_cells_of_settings_that_are_not_there_yet_are_a_variant_of_their_own(folder):
    plan_and_run(folder, set())
    entry = {"suite": "maze2d", "task": TASKS[0], "method": "swg", "rho": None, "seed": 0}
    folder.write_plans([{**entry, "path": f"runs/{TASKS[0]}/swg-1/seed-0.json"}])  # results lie in swg-0
    (scores,) = load_scores(folder.path, partial=True)
    assert scores.variants == METHODS
    assert scores.partial is not None
    assert scores.partial.whole.variants == ("unguided", "swg", "swg (settings not known yet)", "cep")
    assert scores.partial.count_seeds(TASKS[0], "swg") == 3
    assert scores.partial.planned == {(TASKS[0], "swg (settings not known yet)", 0)}


def test_nothing_missing_is_the_report_without_partial(folder):
    plan_and_run(folder, set())
    whole = (write(folder, Options(replicates=100)) / "report.md").read_text()
    assert (write(folder) / "report.md").read_text() == whole
    assert not (folder.path / "out" / "partial.csv").exists()


def test_a_failed_cell_is_counted_and_stays_unranked(folder):
    paths = plan_and_run(folder, {(TASKS[1], "cep", 2)})
    assert folder.add(failed(TASKS[0], "swg", 1, "critic", "its loss is NaN")) == paths[TASKS[0], "swg", 1]
    page = (write(folder) / "report.md").read_text()
    assert "17 of the 18 results of the last plan are there, 1 of them failed; 1 is missing" in page
    assert "Unranked, with a failed cell: `swg`" in page


def test_sets_of_densities_that_are_missing_are_rows_of_marks(folder):
    for task, method in itertools.product(("moons", "rings"), ("unguided", "swg")):
        for seed in range(2):
            folder.add(density(task, method, seed, {1.0: 0.02, 3.0: 0.03}))
    (folder.path / "runs" / "rings" / "swg-0" / "seed-0.json").unlink()
    (folder.path / "runs" / "rings" / "swg-0" / "seed-1.json").unlink()
    page = (write(folder) / "report.md").read_text()
    assert "PARTIAL. 2 cells of the tables, of tasks × variants × seeds that are there, have no result" in page
    marked = [line for line in page.splitlines() if line.startswith("| rings") and "– (" in line]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in marked[:2]]
    assert ["rings", "unguided", "– (2 of 2)", "– (2 of 2)"] in cells
    assert ["rings", "swg", "– (0 of 2)", "– (0 of 2)"] in cells
