"""The same spec gives the same result, bit for bit, and a toy comparison goes through to its report."""

import numpy as np
import pytest
from command_line import MAZE, TOY, results_in

PASSING = ("created", "seconds")


def lasting(result: dict) -> dict:
    return {name: value for name, value in result.items() if name not in PASSING}


MAZE_RUN = (*MAZE, "--methods", "swg", "--seeds", "1", "--sampler.steps", "2", "--data-set.transitions", "600")
TOY_RUN = (*TOY, "--methods", "swg,cep", "--seeds", "2", "--data-set.transitions", "600")


@pytest.mark.parametrize(("arguments", "count"), [(MAZE_RUN, 1), (TOY_RUN, 4)], ids=["maze2d", "toy"])
def test_the_same_spec_gives_the_same_result(bench, tmp_path, arguments, count):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        where = ("--results", folder / "results", "--artifacts", folder / "artifacts")
        assert bench("run", *arguments, *where).code == 0
    first, second = (results_in(folder / "results") for folder in folders)
    assert len(first) == count
    assert {key: lasting(result) for key, result in first.items()} == {
        key: lasting(result) for key, result in second.items()
    }
    assert len({result["score"] for result in first.values()}) == count


def test_a_seed_does_not_depend_on_the_seeds_beside_it(bench, tmp_path):
    for name, seeds in (("alone", "0,5"), ("among", "0,1,2,5")):
        where = ("--results", tmp_path / name / "results", "--artifacts", tmp_path / name / "artifacts")
        bench("run", *TOY, *where, "--methods", "swg", "--seeds", seeds)
    alone, among = (results_in(tmp_path / name / "results") for name in ("alone", "among"))
    for key, result in alone.items():
        assert result["score"] == pytest.approx(among[key]["score"], rel=1e-4)


def test_another_seed_of_the_data_is_another_result(bench, fresh, tmp_path):
    for seed in (0, 1):
        bench("run", *TOY, *fresh, "--methods", "unguided", "--seeds", "1", "--data-set.seed", seed)
    files = sorted((tmp_path / "results" / "runs" / "moons").rglob("seed-0.json"))
    assert len(files) == 2


def test_a_toy_comparison_ends_in_a_report_with_pictures(bench, folders, tmp_path):
    told = bench("run", *TOY, *folders, "--methods", "unguided,swg", "--seeds", "1", "--evaluation.episodes", "50")
    assert told.code == 0
    results = results_in(tmp_path / "results")
    assert set(results) == {("unguided", None, 0), ("swg", 1.0, 0)}
    for result in results.values():
        assert result["metric"] == "sliced_wasserstein"
        assert [d["inverse_temperature"] for d in result["densities"]] == [0.0, 3.0, 10.0, 20.0]
        assert result["score"] == pytest.approx(np.mean([d["distance"] for d in result["densities"]]))
    (file,) = (tmp_path / "results" / "runs" / "moons").glob("swg-*/seed-0.npz")
    with np.load(file) as samples:
        assert sorted(samples) == sorted(f"{who}_{beta}" for who in ("ours", "truth") for beta in (0, 3, 10, 20))
        assert {samples[name].shape for name in samples} == {(50, 2)}
    report = bench("report", *folders[:2])
    assert report.code == 0
    assert "moons" in report.out
    assert "swg" in report.out
    written = tmp_path / "results" / "report"
    assert (written / "report.md").is_file()
    assert list(written.glob("*.png"))
