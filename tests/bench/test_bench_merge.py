"""Runs of some seeds, merged, are the run of all of them."""

import json
from pathlib import Path

import pytest
from command_line import TOY, results_in

import bench as interface
from bench.cli.main import main


def evaluated(result: dict) -> tuple:
    return result["score"], result["densities"], result["samples_sha256"]


@pytest.mark.slow
def test_a_merged_run_is_a_run_and_goes_on_like_one(tmp_path: Path, capsys):
    words = (*TOY, "--methods", "unguided", "--sampler.steps", "2", "--artifacts", str(tmp_path / "artifacts"))
    for name, seeds in (("all", "0,1,2"), ("a", "0,1"), ("b", "2,")):
        main(["run", *words, "--seeds", seeds, "--results", str(tmp_path / name)])
    main(["merge", str(tmp_path / "a"), str(tmp_path / "b"), "--to", str(tmp_path / "merged")])
    one, merged = results_in(tmp_path / "all"), results_in(tmp_path / "merged")
    assert one.keys() == merged.keys()
    for key, result in one.items():
        assert evaluated(merged[key]) == evaluated(result)
    capsys.readouterr()
    main(["run", *words, "--seeds", "0,1,2", "--results", str(tmp_path / "merged")])
    assert results_in(tmp_path / "merged") == merged
    interface.report(results=tmp_path / "merged", progress=False)
    interface.report(results=tmp_path / "all", progress=False)
    for name in ("scores.csv", "densities.csv", "exactness.csv"):
        kept = [(tmp_path / folder / "report" / name).read_text().splitlines() for folder in ("merged", "all")]
        if name == "scores.csv":  # with times of the runs
            kept = [[line.split(",")[:12] for line in lines] for lines in kept]
        assert kept[0] == kept[1]
    ledger = (tmp_path / "merged" / "ledger.jsonl").read_text().splitlines()
    assert sorted({seed for line in ledger for seed in json.loads(line)["seeds"]}) == [0, 1, 2]
    for file in (tmp_path / "a" / "runs").rglob("*.npz"):
        assert (tmp_path / "merged" / file.relative_to(tmp_path / "a")).read_bytes() == file.read_bytes()
