"""The report says who chose ρ, on which seeds and data, and what that took."""

import itertools
import re

import pytest
from synthetic_results import FORMAT, control, data_set, evaluation
from synthetic_results import tuned as choice

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.render.document import Table, render_markdown
from reports.report import write_report
from reports.sections.tuning import find_tuning_warnings, make_tuning_section


def report(folder, out):
    write_report(folder.path, out, options=Options(replicates=200))
    return (out / "report.md").read_text()


def test_tuning_section(folder, tmp_path):
    tuned = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 120, "trials": 6}}
    for seed in (0, 1):
        folder.add(control("maze2d-umaze", "swg", seed, 60.0 + seed, **tuned))
        folder.add(control("maze2d-umaze", "unguided", seed, 30.0 + seed))
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([100, 101])]})
    text = report(folder, tmp_path / "a")
    assert (
        "Tuning ρ took 120 episodes in addition to the 4 reported ones of the tuned variants, on other seeds"
        in text
    )
    assert list_tuned(folder)[0] == (
        "maze2d-umaze (local)",
        "swg",
        "tuned",
        "5",
        "120",
        "6",
        "100, 101",
        "grid 1, 5, 10",
        "–",
    )
    assert "There is no ledger in this results folder" in text
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([1, 101])]})
    text = report(folder, tmp_path / "b")
    assert "**Warning:** ρ of `swg` was tuned on seed(s) that are also reported (1)" in text
    assert "Tuning ρ took 120 episodes in addition to the 4 reported ones of the tuned variants, in part" in text
    (folder.path / "tuned.json").unlink()
    assert "neither the ledger nor `tuned.json` says on which seeds" in report(folder, tmp_path / "c")
    folder.write_ledger([evaluation("tuning", [1, 100], rho) for rho in (1.0, 5.0)])
    assert "tuned on seed(s) that are also reported (1)" in report(folder, tmp_path / "d")


def test_a_choice_on_other_data_is_not_shown(folder, tmp_path):
    tuned = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 120, "trials": 6}}
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **tuned))
    mine, other = choice([100]), choice([0], data=data_set("d4rl", "local/maze2d-umaze-v0", "cd34"))

    def tuning_row(out, *choices):
        folder.write("tuned.json", {"format": FORMAT, "choices": choices})
        text = report(folder, tmp_path / out)
        assert "seed(s) that are also reported" not in text
        lines = text.splitlines()
        start = next(i for i, line in enumerate(lines) if "tuning seeds |" in line)
        names, cells = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 3 : 2]
        )
        assert "what tuning spent, data local: made here" in text
        return dict(zip(names, cells, strict=True)), "says on which seeds" in text

    cells, unknown = tuning_row("both", mine, other)
    assert (cells["task"], cells["tuning seeds"], unknown) == ("maze2d-umaze (local)", "100", False)
    cells, unknown = tuning_row("other", other)
    assert (cells["task"], cells["tuning seeds"], unknown) == ("maze2d-umaze (local)", "–", True)
    cells, unknown = tuning_row("none")
    assert (cells["tuning seeds"], unknown) == ("–", True)
    assert "data" not in cells, "one source has no column"


TUNED = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 40, "trials": 2}}


def squeeze(text):
    return re.sub(" +", " ", text)


def from_source(source, rho=5.0):
    return TUNED if source == "tuned" else {"rho": rho, "rho_source": source}


def section(folder):
    (scores,) = load_scores(folder.path)
    return render_markdown(make_tuning_section(scores, read_tuning_records(folder.path)))


def list_tuned(folder):
    """The rows of the table of what tuning spent."""
    (scores,) = load_scores(folder.path)
    blocks = make_tuning_section(scores, read_tuning_records(folder.path))
    return next(block.rows for block in blocks if isinstance(block, Table))


def warnings_of(folder):
    (scores,) = load_scores(folder.path)
    return find_tuning_warnings(scores, read_tuning_records(folder.path))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("given", "`swg`: given with `--rho` or by the experiment that was run, and chosen outside this ledger."),
        ("published", "`swg`: SWG's published value for the task"),
        (
            "preset",
            "`swg`: set by the source of the method's settings, and chosen outside this ledger by its authors.",
        ),
        ("default", "`swg`: the method's default, one value for all tasks, not tuned on these data."),
        ("exact", "`swg`: the value that gives the known target exactly."),
    ],
)
def test_where_rho_comes_from_is_said_of_each_source(folder, source, said):
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **from_source(source)))
    folder.add(control("maze2d-umaze", "unguided", 0, 60.0))
    text = section(folder)
    assert f"Where ρ comes from. {said}" in text
    assert "Tuning ρ took" not in text
    assert "No ρ was tuned" not in text
    assert warnings_of(folder) == ()


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("tuned", "default", ("ρ of `swg` was tuned on these data, and elsewhere it was not (`cep`: default)",)),
        ("tuned", "given", ("ρ of `swg` was tuned on these data, and elsewhere it was not (`cep`: given)",)),
        ("published", "default", ("ρ of `swg` is a published or an author's value, that of `cep` one default",)),
        ("preset", "default", ("ρ of `swg` is a published or an author's value, that of `cep` one default",)),
        ("tuned", "tuned", ()),
        ("tuned", "exact", ()),
        ("default", "default", ()),
        ("published", "preset", ()),
    ],
)
def test_methods_whose_rho_was_chosen_in_other_ways_are_warned_of(folder, one, other, said):
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **from_source(one)))
    folder.add(control("maze2d-umaze", "cep", 0, 50.0, **from_source(other)))
    folder.add(control("maze2d-umaze", "unguided", 0, 40.0))
    found = warnings_of(folder)
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))
    text = section(folder)
    lines = text.partition("what tuning spent")[2].split("\n\n")[1:]
    assert [line.startswith("**Warning:** ρ of") for line in lines[: len(said)]] == [True] * len(said)


def test_scales_that_were_seen_on_the_reported_seeds_are_counted(folder):
    for seed in (0, 1):
        folder.add(control("maze2d-umaze", "swg", seed, 60.0, rho=5.0, rho_source="given"))
    seen = [evaluation("reported", [0, 1], rho) for rho in (1.0, 5.0, 10.0)]
    others = [
        evaluation("reported", [2], 20.0),
        evaluation("reported", [0], 30.0, method="cep"),
        evaluation("reported", [0], 30.0, task="maze2d-large"),
        evaluation("reported", [0], 30.0, data=["local", "cd34"]),
        evaluation("tuning", [100, 101], 30.0),
    ]
    folder.write_ledger(others + seen[1:2])
    assert warnings_of(folder) == ()
    folder.write_ledger([*others, *seen, *seen])
    (sentence,) = warnings_of(folder)
    assert "more scales of `swg` were evaluated on the reported seeds than are shown" in sentence
    assert "(3 on maze2d-umaze (local), 1 shown)" in sentence
    text = section(folder)
    assert list_tuned(folder)[-1][2:] == ("given", "5", "–", "–", "100, 101", "–", "3")
    assert "the ledger holds 20 tuning episodes of this method, on seeds 100, 101" in text

    for rho in (1.0, 10.0):
        for seed in (0, 1):
            folder.add(control("maze2d-umaze", "swg", seed, 50.0, rho=rho, rho_source="given"), f"{rho:g}")
    assert warnings_of(folder) == ()


@pytest.mark.parametrize(
    ("tried", "said"),
    [
        ({1: 3.0, 5: 9.0, 10: 4.0}, None),
        ({5: 9.0, 10: 4.0}, "ρ = 5 is the least of complete trials"),
        ({1: 3.0, 5: 9.0}, "ρ = 5 is the greatest of complete trials"),
        ({1: 9.0, 5: 9.0, 10: 9.0}, "all 3 scales scored the same in tuning, so ρ = 5 is arbitrary"),
        ({5: 9.0}, "only ρ = 5 was scored in tuning"),
    ],
)
def test_a_scale_at_the_edge_of_its_grid_and_scales_that_tie_are_said(folder, tried, said):
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **TUNED))
    trials = [{"rho": float(rho), "score": score} for rho, score in tried.items()]
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([100], tried=trials, score=63.5)]})
    text = section(folder)
    phrases = ("is the least", "is the greatest", "scored the same", "was scored in tuning")
    if said is None:
        assert not any(phrase in text for phrase in phrases)
    else:
        assert f"`swg` on maze2d-umaze (local): {said}" in text
    assert "| maze2d-umaze (local) | swg | 63.5 | 60 | 3.5 |" in squeeze(text)


def test_the_best_of_fewer_trials_is_expected_as_over_all_draws(folder):
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **TUNED))
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([100, 101])]})
    found = {1.0: 30.0, 5.0: 63.0, 10.0: 45.0, 20.0: 45.0, 30.0: 12.0}
    entries = [
        # Two parts of 4 and 8 episodes, with scores around the trial's; the second seed is 6 better.
        evaluation(
            "tuning", [100, 101], rho, first_episode=start, episodes=count, values=[[s + d - 3], [s + d + 3]]
        )
        for rho, s in found.items()
        for start, count, d in ((0, 4, 8.0), (4, 8, -4.0))
    ]
    entries += [
        evaluation("tuning", [100, 101], 25.0, episodes=4, values=[[99.0], [99.0]]),  # a trial that was pruned
        evaluation("tuning", [102, 103], 25.0, episodes=12, values=[[99.0], [99.0]]),
        evaluation("tuning", [100, 101], 25.0, episodes=12, values=[[99.0], [99.0]], policy="p1"),
        evaluation("reported", [0], 25.0, episodes=12, values=[[99.0]]),
    ]
    folder.write_ledger(entries)
    draws = {k: [max(drawn) for drawn in itertools.combinations(found.values(), k)] for k in (1, 2, 4, 5)}
    means = [f"{sum(best) / len(best):.4g}" for best in draws.values()]
    text = squeeze(section(folder))
    assert "| task | variant | k = 1 | k = 2 | k = 4 | k = 5 |" in text
    assert f"| maze2d-umaze (local) | swg | {' | '.join(means)} |" in text


def test_how_much_better_the_chosen_scale_looks_in_tuning_is_averaged_over_the_tasks(folder):
    """60 against 51 on one task, 40 against 41 on the other."""
    made = {"maze2d-umaze": (60.0, 51.0), "maze2d-large": (40.0, 41.0)}
    for task, (_, reported) in made.items():
        folder.add(control(task, "swg", 0, reported, **TUNED))
        folder.add(control(task, "unguided", 0, 30.0))
    choices = [choice([100, 101], task=task, score=tuned) for task, (tuned, _) in made.items()]
    folder.write("tuned.json", {"format": FORMAT, "choices": choices})
    text = squeeze(section(folder))
    assert "| maze2d-umaze (local) | swg | 60 | 51 | 9 |" in text
    assert "| maze2d-large (local) | swg | 40 | 41 | -1 |" in text
    assert "| mean over 2 tasks | swg | 50 | 46 | 4 |" in text
    folder.write("tuned.json", {"format": FORMAT, "choices": choices[:1]})
    assert "mean over" not in section(folder)


def test_a_ledger_that_was_edited_is_refused(folder, tmp_path):
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **TUNED))
    folder.write_ledger([evaluation("tuning", [seed], 1.0) for seed in (0, 100)])
    file = folder.path / "ledger.jsonl"
    file.write_text(file.read_text().replace('"seeds": [0]', '"seeds": [102]'))
    with pytest.raises(ReportError, match=r"ledger '.*ledger.jsonl' is damaged: line 2 does not hold the hash"):
        report(folder, tmp_path / "a")


def test_what_tuning_took_is_the_ledgers_where_it_knows_of_more(folder, tmp_path):
    """A search that was cut off after the choice has none, and its episodes were spent all the same."""
    tuned = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 120, "trials": 6}}
    for method in ("swg", "unguided"):
        folder.add(control("maze2d-umaze", method, 0, 60.0, **(tuned if method == "swg" else {})))
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([100, 101])]})
    folder.write_ledger([evaluation("tuning", [100, 101], rho) for rho in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)])
    assert "Tuning ρ took 140 episodes" in report(folder, tmp_path / "a")
