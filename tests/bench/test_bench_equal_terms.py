"""Runs on unequal terms in one folder are not reported together; a result stores what an action of it cost."""

import pytest
from command_line import MAZE, TOY, results_in


def read_report(folder):
    """The report's text, each run of blanks as one."""
    return " ".join((folder / "results" / "report" / "report.md").read_text().split())


pytestmark = pytest.mark.usefixtures("short_episodes")


@pytest.mark.parametrize(
    ("name", "value", "first"), [("critic.steps", "6", "5"), ("evaluation.episodes", "2", "1")]
)
def test_a_method_run_with_other_settings_is_refused_beside_the_others(
    bench, folders, tmp_path, name, value, first
):
    common = (*MAZE, *folders, "--seeds", "1", "--processes", "1")
    assert bench("run", *common, "--methods", "unguided").code == 0
    assert bench("run", *common, "--methods", "idql", "--idql.candidates", "2", f"--{name}", value).code == 0
    sentence = bench("report", *folders[:2]).mistake
    assert f"{name} is {first} (unguided) and {value} (idql)" in sentence
    assert "--methods" in sentence
    assert not (tmp_path / "results" / "report").exists()
    assert bench("report", *folders[:2], "--methods", "idql").code == 0


def test_a_result_holds_the_actions_candidates_and_critics_of_its_evaluation(bench, folders, tmp_path):
    few = ("--idql.candidates", "3", "--methods", "unguided,idql,swg", "--seeds", "1", "--processes", "1")
    assert bench("run", *MAZE, *folders, *few).code == 0
    results = {method: result for (method, _, _), result in results_in(tmp_path / "results").items()}
    # One episode, cut after 30 steps; two levels are walked for every candidate.
    for method, candidates, gradients in (("unguided", 1, 0), ("idql", 3, 0), ("swg", 1, 1)):
        counted = results[method]["evaluations"]
        assert counted["actions"] == 30
        assert counted["candidates"] == candidates
        assert counted["function"] == 30 * 2 * candidates
        assert counted["gradient"] == 30 * 2 * gradients
    critics = {method: result["critics"] for method, result in results.items()}
    assert critics["unguided"] == {"labels": [], "departures": None}
    # SWG stands on the critic that its denoiser was trained with.
    assert critics["swg"]["labels"] == critics["idql"]["labels"] == [results["idql"]["components"]["critic"]]
    assert {"critic.steps", "critic.width"} <= set(critics["swg"]["departures"])
    assert "critic.discount" not in critics["swg"]["departures"]
    assert bench("report", *folders[:2]).code == 0
    written = read_report(tmp_path)
    assert "`unguided`, `idql` and `swg` have the same data" in written
    assert "`idql` and `swg` use one critic for each task and seed" in written
    assert "| swg | not its authors': " in written


def test_on_a_toy_set_the_known_q_is_said(bench, folders, tmp_path):
    few = ("--idql.candidates", "3", "--methods", "unguided,idql,swg", "--seeds", "1", "--processes", "1")
    assert bench("run", *TOY, "--sampler.steps", "2", *folders, *few).code == 0
    for (method, _, _), result in results_in(tmp_path / "results").items():
        counted = result["evaluations"]
        assert counted["actions"] == 20 * len(result["densities"])
        assert counted["function"] == counted["actions"] * 2 * counted["candidates"]
        assert result["critics"]["departures"] is None, method
    assert bench("report", *folders[:2]).code == 0
    written = read_report(tmp_path)
    assert "`idql` and `swg` use the known Q. `unguided` uses no critic." in written
    assert "| idql | known Q | 3 | 6 | 0 | 0 | 6 |" in written


def test_the_authors_critic_is_recognised(bench, folders, tmp_path):
    """As published at the authors' sizes nothing is left in which it differs, so the sizes alone are named."""
    few = ("--terms", "own", "--cep.support-states", "8", "--methods", "cep", "--seeds", "1", "--processes", "1")
    assert bench("run", *MAZE, *folders, *few).code == 0
    (result,) = results_in(tmp_path / "results").values()
    departures = result["critics"]["departures"]
    assert "critic.kind" not in departures
    sizes = ("steps", "width", "batch_size", "layers", "support_actions")
    assert set(departures) <= {f"critic.{name}" for name in sizes}
    assert all(label.startswith("in-support-critic-") for label in result["critics"]["labels"])


def test_equal_candidates_are_set_for_every_method_beside_the_defaults(bench, folders, tmp_path):
    few = (*MAZE, *folders, "--methods", "unguided,idql,swg", "--seeds", "1", "--processes", "1")
    assert bench("run", *few, "--equal", "candidates=4").code == 0
    first = results_in(tmp_path / "results")
    for (method, _, _), result in first.items():
        counted = result["evaluations"]
        assert counted["candidates"] == 4, method
        assert counted["function"] == 30 * 2 * 4
        assert result["config"]["equal.candidates"] == 4
        assert result["components"]["critic"] == first["idql", None, 0]["components"]["critic"]
    assert bench("run", *few, "--equal.candidates=4").out.count("nothing to do") == 1, "another way to write it"
    assert bench("run", *few).code == 0
    assert bench("report", *folders[:2]).code == 0
    written = read_report(tmp_path)
    four = "`unguided equal.candidates=4`, `idql equal.candidates=4` and `swg equal.candidates=4`"
    assert f"{four};" in written or f"; {four}." in written
    assert f"The number of candidates of {four} was set to 4" in written
    row = " ".join(next(line for line in lines(tmp_path) if line.startswith("| swg equal.candidates=4 ")).split())
    assert row.endswith("| 4 | 8 | 0 | 8 | 24 |")


def lines(folder):
    return (folder / "results" / "report" / "report.md").read_text().splitlines()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--equal candidates=many", ("--equal.candidates 'many' must be a whole number",)),
        ("--equal candidates=0", ("equal.candidates=0", "at least 1")),
        ("--equal candidates=4 --idql.candidates 8", ("idql.candidates=8 would change nothing",)),
        ("--equal candidates=4 --sampler.temperature 0", ("equal.candidates=4", "sampler.temperature=0")),
    ],
)
def test_a_number_of_candidates_that_cannot_work_is_one_sentence(bench, folders, given, words):
    sentence = bench("run", *MAZE, *folders, "--methods", "idql", *given.split()).mistake
    for part in words:
        assert part in sentence


@pytest.mark.parametrize("given", ["--equal samples=4", "--equal 4"])
def test_an_equal_setting_that_does_not_parse_is_rejected(bench, folders, given):
    assert bench("run", *MAZE, *folders, "--methods", "idql", *given.split()).mistake
