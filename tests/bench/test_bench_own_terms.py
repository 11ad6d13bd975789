"""`--terms own` gives each method its authors' critic, network and sampler, in a run that resumes as any other."""

import json

import pytest
from command_line import FEW, MAZE, TOY, results_in

OWN = ("--terms", "own")
SHORT = ("--critic.batch-size", "8", "--denoiser.batch-size", "8", "--data-set.transitions", "600")
LITTLE = (
    "--processes",
    "1",
    "--cep.support-states",
    "16",
    "--idql.candidates",
    "2",
    "--swg-r.candidates",
    "2",
)


def by_method(folder):
    return {method: result for (method, _, _), result in results_in(folder / "results").items()}


@pytest.mark.usefixtures("short_episodes")
def test_every_method_runs_on_its_own_terms_and_resumes(bench, folders, tmp_path):
    arguments = (*MAZE, *folders, *OWN, *SHORT, *LITTLE, "--seeds", "1")
    told = bench("run", *arguments)
    assert told.code == 0
    assert "as published" in told.out
    assert "maze2d-umaze: 6 results (" in told.out, "one line for the task, whatever the methods' settings"
    assert told.out.count("to train: joint-") == 1, "swg and swg-r stand on one model"
    results = by_method(tmp_path)
    assert {result["terms"] for result in results.values()} == {"own"}

    levels = {name: result["config"]["denoiser.levels"] for name, result in results.items()}
    assert levels == {"cep": 1000, "ddice": 1000, "idql": 5, "unguided": 5, "swg": 15, "swg-r": 15}
    parts = {name: result["components"] for name, result in results.items()}
    assert parts["cep"]["denoiser"] == parts["ddice"]["denoiser"] != parts["idql"]["denoiser"]
    assert parts["idql"]["denoiser"] == parts["unguided"]["denoiser"]
    assert parts["swg-r"] == parts["swg"] | {"critic": parts["swg-r"]["critic"]}, "its code picks by Q"
    assert "critic" not in parts["cep"]
    # A flag is meant for every method, but a method's own flag for that method alone.
    assert {result["config"]["critic.batch_size"] for result in results.values()} == {8}
    assert results["cep"]["config"]["cep.support_states"] == 16
    assert "idql.candidates" not in results["cep"]["config"]
    # The plan, which a report checks, holds all of them.
    cells = json.loads((tmp_path / "results" / "plans.jsonl").read_text().splitlines()[-1])["cells"]
    assert sorted(cell["method"] for cell in cells) == sorted(results)

    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "results" / "runs").rglob("seed-*.json")}
    again = bench("run", *arguments)
    assert "6 results" in again.out
    assert "6 finished" in again.out
    assert "nothing to do: all results exist" in again.out
    assert {file: file.stat().st_mtime_ns for file in written} == written

    next(file for file in written if file.parent.name.startswith("swg-r-")).unlink()
    assert "5 finished" in bench("run", *arguments).out
    assert set(by_method(tmp_path)) == set(results)

    report = bench("report", *folders[:2])
    assert report.code == 0
    assert (
        "As published, each method with its authors' settings"
        in (tmp_path / "results" / "report" / "report.md").read_text()
    )


def test_both_terms_in_one_folder_are_two_variants(bench, folders, tmp_path):
    both = (*TOY, *FEW, *folders, "--methods", "unguided,swg", "--seeds", "1")
    assert bench("run", *both).code == 0
    assert bench("run", *both, *OWN).code == 0
    files = list((tmp_path / "results" / "runs" / "moons").glob("*/seed-0.json"))
    terms = [(r["method"], r["terms"]) for r in (json.loads(file.read_text()) for file in files)]
    assert sorted(terms) == [("swg", "own"), ("swg", "shared"), ("unguided", "own"), ("unguided", "shared")]
    assert bench("report", *folders[:2]).code == 0
    written = (tmp_path / "results" / "report" / "report.md").read_text()
    assert "swg terms=own" in written
    assert "swg terms=shared" in written


def test_equal_settings_on_other_terms_are_another_result(bench, folders, tmp_path):
    """What the terms change is said by the settings, but a result belongs to the terms it was asked for on."""
    same = (
        "--denoiser.levels",
        "5",
        "--sampler.clip",
        "clean",
        "--sampler.temperature",
        "1",
        "--sampler.solver",
        "ddpm",
        "--denoiser.initial",
        "uniform",
        "--denoiser.first-level",
        "1",
        "--denoiser.layer-norm-epsilon",
        "1e-5",
    )
    arguments = (*TOY, *folders, "--methods", "unguided", "--seeds", "1", *same)
    sizes = ("--denoiser.ema", "0.01", "--denoiser.decay-steps", "10", "--denoiser.schedule", "cosine")
    bench("run", *arguments, *sizes)
    bench("run", *arguments, *sizes, *OWN)
    files = list((tmp_path / "results" / "runs" / "moons").glob("*/seed-0.json"))
    first, second = (json.loads(file.read_text()) for file in files)
    assert {first["terms"], second["terms"]} == {"shared", "own"}
    assert first["config"] == second["config"]
    assert first["components"] == second["components"]
    assert first["score"] == second["score"]


def test_seeds_that_one_method_has_are_made_for_the_others(bench, fresh, tmp_path):
    common = (*TOY, *FEW, *fresh, *OWN)
    assert bench("run", *common, "--methods", "swg", "--seeds", "1").code == 0
    told = bench("run", *common, "--methods", "swg,swg-r", "--seeds", "2", "--swg-r.candidates", "2")
    assert told.code == 0
    assert ", seeds 1\n" in told.out
    assert set(results_in(tmp_path / "results")) == {(m, 1.0, s) for m in ("swg", "swg-r") for s in (0, 1)}


@pytest.mark.usefixtures("unknown_scale")
def test_rho_is_tuned_and_kept_for_its_terms(bench, folders, tmp_path):
    swg = (*TOY, *FEW, *folders, "--methods", "unguided,swg", "--evaluation.episodes", "6")
    assert bench("tune-rho", *swg, *OWN, "--grid", "2").code == 0
    (choice,) = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert (choice["method"], choice["terms"], choice["rho"], choice["trials"]) == ("swg", "own", 2.0, 1)
    assert bench("tune-rho", *swg, "--grid", "3").code == 0
    choices = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert {(c["terms"], c["rho"], c["trials"]) for c in choices} == {("own", 2.0, 1), ("shared", 3.0, 1)}
    only = bench("tune-rho", *TOY, *folders, *OWN, "--methods", "unguided,idql")
    assert "none of unguided, idql has a guidance scale" in only.mistake


def test_every_method_of_the_first_task_is_timed(bench, folders, tmp_path):
    two = ("--suite", "toy", "--tasks", "moons,rings", *TOY[4:], *folders[:2], *OWN, "--methods", "unguided,swg")
    assert bench("time", *two, "--batches", "1", "--calls", "2").code == 0
    rows = json.loads((tmp_path / "results" / "timing.json").read_text())["rows"]
    assert {(row["task"], row["method"], row["terms"]) for row in rows} == {
        ("moons", "unguided", "own"),
        ("moons", "swg", "own"),
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--terms owm", ("unknown terms 'owm'", "did you mean own", "controlled, as-published, shared, own")),
        ("--terms own --denoiser.levels 3 --methods cep", ("sampler.steps=15", "denoiser.levels=3")),
        ("--terms own --preset offical", ("unknown preset 'offical'", "did you mean official")),
    ],
)
def test_a_mistake_is_one_sentence(bench, folders, given, words):
    sentence = bench("run", *TOY, *folders, *given.split()).mistake
    for part in words:
        assert part in sentence
