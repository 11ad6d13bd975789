"""What `report --compare` says of two folders is what was written into them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests
from synthetic_results import MACHINE, ResultsFolder, control, density, failed

import bench
from bench.cli.main import main
from foundation.errors import UserError
from reports.compare import write_comparison

TASKS = ("maze2d-medium", "maze2d-umaze")
METHODS = ("unguided", "swg")


@pytest.fixture
def scores() -> dict[str, dict[str, np.ndarray]]:
    """Folder to method to seeds × tasks; B has a clear gain of swg on one task."""
    generator = np.random.default_rng(3)
    old = {method: generator.normal(50, 5, (5, 2)) for method in METHODS}
    new = {method: matrix + generator.normal(0, 1, (5, 2)) for method, matrix in old.items()}
    new["swg"][:, 0] += 20
    return {"A": old, "B": new}


@pytest.fixture
def two(tmp_path: Path, scores) -> tuple[Path, Path]:
    for name, own in scores.items():
        ResultsFolder(tmp_path / name).add_matrix(own, TASKS)
    return tmp_path / "A", tmp_path / "B"


def compare(first: Path, second: Path) -> tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The page and the three tables."""
    out = second / "report"
    files = write_comparison(first, second, out)
    assert [path.name for path in files] == [
        "compare.md",
        "compare.csv",
        "compare-origins.csv",
        "compare-alone.csv",
    ]
    rows, origins, alone = (pd.read_csv(path, dtype={"seeds": int}) for path in files[1:])
    return files[0].read_text(), rows, origins, alone


def test_differences_are_paired_by_seed_with_their_intervals_and_holms_p(two, scores):
    page, rows, origins, alone = compare(*two)
    assert len(rows) == 4
    p = []
    for row in rows.to_dict("records"):
        column, method = TASKS.index(str(row["task"])), str(row["variant"])
        old, new = (scores[name][method][:, column] for name in "AB")
        test = scipy.stats.ttest_rel(new, old)
        assert row["difference"] == pytest.approx((new - old).mean())
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
        assert (row["first"], row["second"], row["seeds"]) == (
            pytest.approx(old.mean()),
            pytest.approx(new.mean()),
            5,
        )
        assert row["p"] == pytest.approx(test.pvalue)
        p.append(test.pvalue)
    np.testing.assert_allclose(rows.p_holm, np.array(multipletests(p, method="holm")[1], dtype=float))
    assert list(rows[rows.outcome == "differs"].variant) == ["swg"]
    assert origins.empty
    assert alone.empty
    assert "the same" in page
    assert "20 cells in both" in page


def test_equal_folders_differ_by_exactly_0_and_it_is_said(two, tmp_path, scores):
    ResultsFolder(tmp_path / "copy").add_matrix(scores["A"], TASKS)
    page, rows, _, _ = compare(two[0], tmp_path / "copy")
    assert list(rows.difference) == [0.0] * 4
    assert set(rows.outcome) == {"exactly equal"}
    assert rows.p.isna().all()
    assert "all differences are exactly 0: every score is the same number, and so is every episode." in page


def test_equal_scores_of_other_episodes_are_no_equal_episodes(tmp_path):
    folders = [ResultsFolder(tmp_path / name) for name in "AB"]
    for folder, spread in zip(folders, (1.0, 3.0), strict=True):
        parts = [{"return": 5.0 + d, "length": 9, "seed": 7, "normalized": 5.0 + d} for d in (-spread, spread)]
        folder.add(control("a", "swg", 0, 5.0, episodes=parts))
    page, _, _, _ = compare(tmp_path / "A", tmp_path / "B")
    assert "though episodes differ" in page


def test_unequal_seeds_are_compared_where_both_have_them(tmp_path):
    for name, seeds, gain in (("A", (0, 1, 2, 3), 0.0), ("B", (2, 3, 4, 5, 6), 1.0)):
        folder = ResultsFolder(tmp_path / name)
        for seed in seeds:
            folder.add(control("a", "swg", seed, 10.0 * seed + gain * seed))
    folder.add(control("b", "cep", 0, 1.0))
    page, rows, _, alone = compare(tmp_path / "A", tmp_path / "B")
    (row,) = rows.to_dict("records")
    assert (row["seeds"], row["first"], row["second"], row["difference"]) == (2, 25.0, 27.5, 2.5)
    assert np.isnan(row["lower"])
    assert row["outcome"] == "no test"
    assert alone.fillna("").to_numpy().tolist() == [
        ["maze2d", "a", "swg", "0, 1", "4, 5, 6"],
        ["maze2d", "b", "cep", "–", "0"],
    ]
    assert "Under three seeds there is no interval" in page


def test_a_method_and_the_same_in_a_sweep_are_matched_by_settings_and_scale(tmp_path):
    """A has ρ = 5 alone, with 4 candidates of idql; B has ρ = 1 and 5, and 4 and 16 candidates."""
    for name, rhos, counts in (("A", (5.0,), (4,)), ("B", (1.0, 5.0), (4, 16))):
        folder = ResultsFolder(tmp_path / name)
        for seed in range(3):
            for rho in rhos:
                folder.add(control(TASKS[0], "swg", seed, 10 * rho + seed, rho=rho), f"h{rho}")
            for count in counts:
                config = {"critic.steps": 10, "idql.candidates": count}
                folder.add(control(TASKS[0], "idql", seed, count + seed, config=config), f"h{count}")
    _, rows, origins, alone = compare(tmp_path / "A", tmp_path / "B")
    assert sorted(rows["variant"]) == ["idql idql.candidates=4", "swg rho=5"]
    assert set(rows["outcome"]) == {"exactly equal"}
    assert origins.empty
    assert sorted(alone["variant"]) == ["idql idql.candidates=16", "swg rho=1"]


def test_folders_without_a_cell_in_common_say_so(tmp_path):
    ResultsFolder(tmp_path / "A").add(control("a", "swg", 0, 1.0))
    ResultsFolder(tmp_path / "B").add(control("a", "swg", 1, 1.0))
    page, rows, _, alone = compare(tmp_path / "A", tmp_path / "B")
    assert "nothing is compared" in page
    assert rows.empty
    assert len(alone) == 1


def test_what_they_were_made_with_is_named(tmp_path):
    old, new = (ResultsFolder(tmp_path / name) for name in "AB")
    for seed in range(3):
        old.add(control("a", "swg", seed, 1.0 * seed))
        versions = {"python": "3.11.7", "torch": "2.14.0", "mujoco": "3.4.0", "gymnasium": "1.4.0"}
        record = control("a", "swg", seed, 2.0 * seed, versions=versions, rho=5.0)
        record["config"] = {"critic.steps": 20000, "critic.expectile": 0.7, "swg.weight": "exp"}
        record["machine"] = {**MACHINE, "processor": "another"}
        record["data"]["fingerprint"] = "cd34"
        record["components"] = {"critic": "c1", "denoiser": "d0"}
        new.add(record)
    _, _, origins, _ = compare(tmp_path / "A", tmp_path / "B")
    assert origins.to_numpy().tolist() == [
        ["component", "critic", "c0", "c1", 3],
        ["data", "fingerprint", "ab12", "cd34", 3],
        ["machine", "processor", "a processor", "another", 3],
        ["setting", "critic.steps", "10000", "20000", 3],
        ["setting", "rho", "none", "5.0", 3],
        ["setting", "swg.weight", "unset", "exp", 3],
        ["version", "torch", "2.13.0", "2.14.0", 3],
    ]


def test_distances_and_failed_cells(tmp_path):
    old, new = (ResultsFolder(tmp_path / name) for name in "AB")
    for folder, distance in ((old, 0.2), (new, 0.1)):
        folder.add(density("rings", "swg", 0, {1.0: distance}))
    new.add(failed("a", "cep", 0, "critic", "NaN"))
    page, rows, _, _ = compare(tmp_path / "A", tmp_path / "B")
    assert (rows.unit[0], rows.difference[0]) == ("distance", pytest.approx(-0.1))
    assert "B has a, cep, seed 0 (critic)" in page


def test_the_command_line_prints_the_table(two, capsys):
    main(["report", "--compare", *map(str, two)])
    told = capsys.readouterr()
    page = (two[1] / "report" / "compare.md").read_text()
    assert page in told.out
    assert "  B − A |" in page
    assert not (two[0] / "report").exists()
    assert {path.name for path in (two[1] / "report").iterdir()} == {
        *("compare.md", "compare.csv", "compare-origins.csv", "compare-alone.csv")
    }


def test_names_to_keep_and_the_folder_are_taken(two, tmp_path):
    out = bench.report(compare=two, out=tmp_path / "out", tasks=TASKS[0], methods="swg", progress=False)
    assert len(pd.read_csv(out / "compare.csv")) == 1
    with pytest.raises(UserError, match="two results folders and got 1"):
        bench.report(compare=[two[0]], progress=False)


def test_mistakes_are_one_sentence(two, tmp_path, capsys):
    for words, wanted in (
        ((str(two[0]), str(tmp_path / "none")), "no results folder"),
        (
            (*map(str, two), "--export", "json"),
            "export is for a report, and compare writes none: leave out export or compare.",
        ),
        ((*map(str, two), "--results", "other"), "results is for a report, and compare writes none"),
        ((*map(str, two), "--methods", "cep"), "no method 'cep'"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["report", "--compare", *words])
        said = capsys.readouterr().err
        assert (left.value.code, said.count("\n")) == (2, 1)
        assert wanted in said


def test_text_of_a_result_stays_text(tmp_path):
    hostile = "=<img src=x> \x1b[2J ](js:x)"
    for name, value in (("A", hostile), ("B", f"+{hostile}")):
        folder = ResultsFolder(tmp_path / name)
        folder.add(control("a", "swg", 0, 1.0, versions={hostile: value}, preset=value))
    page, _, origins, _ = compare(tmp_path / "A", tmp_path / "B")
    assert "<img" not in page
    assert "\x1b" not in page
    assert "](" not in page
    for cell in origins.to_numpy().ravel():
        assert not str(cell).startswith(("=", "+"))
        assert "\x1b" not in str(cell)
