"""`--data-set.seed per-seed`: every training seed learns from a data set of its own, which all methods share."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import TINY, TOY, results_in

import bench as interface
from bench.storage.ledger import Ledger
from reports.load.tuning_schema import LedgerEntry
from suites import get_tasks, load

SIZES = ("--evaluation.inverse-temperatures", "3", "--data-set.transitions", "600", "--processes", "1")
MOONS = (*TOY, *SIZES, "--methods", "unguided,swg", "--rho", "5")
PER_SEED = ("--data-set.seed", "per-seed")


def fingerprint_of_seed(seed: int, folder: Path) -> str:
    """Of the set that is drawn from that seed."""
    (task,) = get_tasks("toy", ["moons"])
    return load(task, "local", count=600, directory=folder, seed=seed).fingerprint


def run(results: Path, artifacts: Path, seeds: list[int], data_seed: int | str = "per-seed") -> dict:
    """The same run by the Python interface, which takes a single seed."""
    interface.run(
        suite="toy",
        tasks="moons",
        methods="unguided,swg",
        rho=5,
        seeds=seeds,
        preset="smoke",
        device="cpu",
        threads=1,
        processes=1,
        progress=False,
        data_set={"seed": data_seed, "transitions": 600},
        critic={"steps": 5, "width": 8},
        denoiser={"steps": 5, "width": 8, "blocks": 2},
        guidance_net={"steps": 5, "width": 8},
        evaluation={"episodes": 20, "inverse_temperatures": [3.0]},
        results=results,
        artifacts=artifacts,
    )
    return results_in(results)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `results` and `artifacts` of seeds 0 and 2."""
    folder = tmp_path_factory.mktemp("per-seed")
    run(folder / "results", folder / "artifacts", [0, 2])
    return folder


def test_each_seed_has_the_set_of_that_seed_and_all_methods_share_it(kept, tmp_path):
    found = results_in(kept / "results")
    assert set(found) == {(m, rho, seed) for m, rho in (("unguided", None), ("swg", 5.0)) for seed in (0, 2)}
    for (_, _, seed), result in found.items():
        assert result["data"]["fingerprint"] == fingerprint_of_seed(seed, tmp_path)
        assert result["data"]["per_seed"] is True
        assert result["config"]["data.seed"] == "per-seed"
    assert len({result["data"]["fingerprint"] for result in found.values()}) == 2
    assert len({result["components"]["denoiser"] for result in found.values()}) == 4


def test_a_second_run_resumes(kept, bench):
    folders = ("--results", kept / "results", "--artifacts", kept / "artifacts")
    told = bench("run", *MOONS, *PER_SEED, "--seeds", "0,2", *folders)
    assert told.code == 0, told.err
    assert "seeds 0, 2, each with its data" in told.out
    assert "nothing to do" in told.out


def test_a_seed_is_the_same_alone_and_has_the_networks_that_its_set_has_by_number(kept, tmp_path):
    """All digits, from artifacts of its own; `--data-set.seed 2` is the same set, and nothing is trained on it."""
    together = results_in(kept / "results")
    alone = run(tmp_path / "alone", tmp_path / "artifacts", [2])
    trained = set((tmp_path / "artifacts" / "components").glob("*/*"))
    by_number = run(tmp_path / "by-number", tmp_path / "artifacts", [2], 2)
    assert set((tmp_path / "artifacts" / "components").glob("*/*")) == trained
    assert set(alone) == set(by_number) == {key for key in together if key[2] == 2}
    for key, result in alone.items():
        assert result["components"] == together[key]["components"] == by_number[key]["components"]
        assert result["densities"] == together[key]["densities"] == by_number[key]["densities"]
        assert by_number[key]["data"] == {**result["data"], "per_seed": False}


def test_the_report_says_that_seeds_vary_the_data(kept, tmp_path, bench):
    told = bench("report", "--results", kept / "results", "--out", tmp_path)
    assert told.code == 0, told.err
    text = (tmp_path / "report.md").read_text()
    assert "and the data set; it does not vary the recipe and the size of the data, which are one for each" in text
    assert "`unguided` and `swg` have the same data" in text
    assert "| 2, one for each seed |" in text


def test_a_policy_acts_as_it_was_scored(kept):
    for seed in (0, 2):
        policy = interface.load_policy(
            kept / "results", "moons", "swg", seed=seed, artifacts=kept / "artifacts", device="cpu"
        )
        (file,) = (kept / "results").glob(f"runs/moons/swg-*/seed-{seed}.npz")
        points = np.load(file)["ours_3"]
        assert np.array_equal(policy.act(np.full((20, 1), 3.0)), points)


def test_a_seed_that_was_tuned_on_its_own_set_is_refused_and_one_on_another_set_is_not(kept, tmp_path, bench):
    lines = [json.loads(line) for line in (kept / "results" / "ledger.jsonl").read_text().splitlines()]
    (of_two,) = (line for line in lines if line["method"] == "swg" and line["seeds"] == [2])
    tuned = {**of_two, "kind": "tuning", "study": "s", "trial": 0}
    ledger = Ledger(tmp_path / "artifacts", tmp_path / "artifacts")
    for seed in (0, 2):
        ledger.record(LedgerEntry.model_validate_json(json.dumps({**tuned, "seeds": [seed]})))
    folders = ("--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")
    told = bench("run", *MOONS, *PER_SEED, *folders, "--seeds", "0,2")
    assert "swg on moons was tuned on seeds 2, as" in told.mistake


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run --suite toy --data-set.seed -1", "data_set.seed=-1 must be at least 0, or per-seed."),
        (
            "run --suite locomotion --tasks hopper-medium-v2 --data d4rl --data-set.seed per-seed",
            "the data of hopper-medium-v2 are files (d4rl), one set for all seeds; add --data local",
        ),
        ("tune-rho --suite maze2d --methods swg --data-set.seed per-seed", "tuning chooses on one data set"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(command, said, fresh, bench):
    assert said in bench(*command.split(), *TINY, *fresh).mistake
