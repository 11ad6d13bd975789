"""The same spec gives the same result, bit for bit, and a toy comparison goes through to its report."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import TINY, TOY, Call, results_in

from methods.core.registry import method_names

PASSING = ("created", "seconds", "sha256")


def lasting(result: dict) -> dict:
    return {name: value for name, value in result.items() if name not in PASSING}


ACTORS = ("bc", "cql", "iql", "td3-bc")  # which sample no density
EVERY = ("--methods", ",".join(method_names()), "--data-set.transitions", "600")
DRAWN = ("--methods", ",".join(name for name in method_names() if name not in ACTORS))
HOPPER = ("--suite", "locomotion", "--tasks", "hopper-medium-expert-v2", "--data", "local", *TINY)
HOPPER_RUN = (*HOPPER, *EVERY, "--seeds", "1", "--evaluation.episodes", "1", "--processes", "1")
TOY_RUN = (
    *TOY,
    *DRAWN,
    *EVERY[2:],
    "--seeds",
    "2",
    "--evaluation.episodes",
    "100",
    "--evaluation.inverse-temperatures",
    "0",
    "10",
)
THREADS_AGREE = 1e-3  # in the points of a toy set, which are of size 1; CONTRIBUTING.md names it


def runs(bench: Call, tmp_path: Path, *arguments: str, second: tuple[str, ...] = ()) -> Iterator[dict]:
    """The results of a run into a folder of its own, and of the same again, with more options for the second."""
    for name, more in (("first", ()), ("second", second)):
        where = ("--results", tmp_path / name / "results", "--artifacts", tmp_path / name / "artifacts")
        assert bench("run", *arguments, *more, *where).code == 0
    return (results_in(tmp_path / name / "results") for name in ("first", "second"))


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "seeds"), [(HOPPER_RUN, 1), (TOY_RUN, 2)], ids=["hopper", "toy"])
def test_the_same_spec_gives_the_same_result_for_every_method(bench, tmp_path, arguments, seeds):
    first, second = runs(bench, tmp_path, *arguments)
    assert len(first) == seeds * len(arguments[arguments.index("--methods") + 1].split(","))
    assert {key: lasting(result) for key, result in first.items()} == {
        key: lasting(result) for key, result in second.items()
    }
    assert len({result["score"] for result in first.values()}) > len(first) / 2  # and they are not all one number
    samples = [sorted((tmp_path / name / "results").rglob("*.npz")) for name in ("first", "second")]
    for one, other in zip(*samples, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_two_threads_agree_with_one_to_the_documented_tolerance(bench, tmp_path):
    """Threads split sums, so the last digits differ; matrices large enough to be split, a few steps."""
    large = ("--denoiser.width", "128", "--denoiser.batch-size", "256", "--denoiser.steps", "10")
    two = ("--evaluation.inverse-temperatures", "0", "10")
    arguments = (*TOY, "--methods", "swg", "--seeds", "1", "--evaluation.episodes", "100", *two, *large)
    first, second = runs(bench, tmp_path, *arguments, second=("--threads", "2"))
    (one, other) = (list((tmp_path / name).rglob("seed-0.npz")) for name in ("first", "second"))
    with np.load(one[0]) as ours, np.load(other[0]) as theirs:
        for beta in (0, 10):
            assert np.abs(ours[f"ours_{beta}"] - theirs[f"ours_{beta}"]).max() < THREADS_AGREE
    for key, result in first.items():
        assert result["score"] == pytest.approx(second[key]["score"], abs=THREADS_AGREE)


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
    report = bench("report", "--print", *folders[:2])
    assert report.code == 0
    assert "moons" in report.out
    assert "swg" in report.out
    written = tmp_path / "results" / "report"
    assert (written / "report.md").is_file()
    assert list(written.glob("*.png"))
