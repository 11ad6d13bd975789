"""Counted looks: what is recorded, what counts as added, and that what is said holds under optional stopping."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from synthetic_results import control, density

from reports.analysis.looks import Design, make_look, review_looks, simulate_joint_coverage
from reports.analysis.pairs import adjust_by_holm, compute_p
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.looks import is_seen, read_looks, record_looks
from reports.load.scores import load_scores
from reports.load.seals import seal_line
from reports.report import write_report
from reports.sections.looks import describe_looks

TASKS = ("maze2d-umaze", "maze2d-medium")
EFFECT = {"unguided": 0.0, "swg": 20.0, "idql": 0.5}


def draw_scores(methods=tuple(EFFECT), seeds=10):
    """Scores by method, seeds × tasks: the first seeds are the same whatever their number."""
    generator = np.random.default_rng(8)
    drawn = generator.normal(50, 2, (10, len(EFFECT), 2))
    return {m: EFFECT[m] + drawn[:seeds, list(EFFECT).index(m)] for m in methods}


def report(folder, out, progress=None, **filters):
    files = write_report(folder.path, out, options=Options(replicates=100), progress=progress, **filters)
    return files[0].read_text()


def opening(text):
    return text.partition("\n## ")[0]


def count_lines(folder):
    file = folder.path / "looks.jsonl"
    return len(file.read_text().splitlines()) if file.is_file() else 0


def test_added_seeds_are_another_look(folder, tmp_path):
    folder.add_matrix(draw_scores(seeds=3), TASKS)
    first = report(folder, tmp_path / "out")
    assert "Look" not in first
    assert "look" not in opening(first)
    assert report(folder, tmp_path / "out") == first  # the same results again are no new look
    assert count_lines(folder) == 1
    folder.add_matrix(draw_scores(seeds=5), TASKS)
    assert "Look 2 at this comparison, to which seeds were added since at 3 seeds." in report(
        folder, tmp_path / "b"
    )
    folder.add_matrix(draw_scores(seeds=10), TASKS)
    text = report(folder, tmp_path / "c")
    assert "Look 3 at this comparison, to which seeds were added since at 3 seeds and at 5 seeds." in opening(text)
    share = simulate_joint_coverage([range(3), range(5), range(10)])
    assert f"at all 3 looks hold the truth together in {100 * share:.0f} % of cases (simulated" in opening(text)
    assert "as for 3 planned looks (Holm's p at most 0.017): all 2." in opening(text)
    assert "Intervals and p are those of a single look; this is look 3." in text
    assert "Look 3" in (tmp_path / "c" / "summary.txt").read_text()
    assert [len(look.seeds) for look in read_looks(folder.path)] == [3, 5, 10]


def see(folder, *, seeds, methods=tuple(EFFECT), shift=0.0, **filters):
    """Adds results, and what a report of them would see."""
    folder.add_matrix({m: s + shift for m, s in draw_scores(methods, seeds).items()}, TASKS)
    (scores,) = load_scores(folder.path, methods=methods, **filters)
    return scores


def test_what_counts_as_an_earlier_look(folder):
    looks = [
        make_look(see(folder, seeds=3, methods=("swg",))),  # no pair
        make_look(see(folder, seeds=3, tasks=TASKS[:1])),  # another comparison
        make_look(see(folder, seeds=5, methods=("swg", "idql"))),
        make_look(see(folder, seeds=5)),
    ]
    history = review_looks(see(folder, seeds=10), looks)
    assert history.earlier == (Design((0, 1, 2, 3, 4), (2,)),)
    assert history.number == 2
    assert review_looks(see(folder, seeds=10), [*looks, make_look(see(folder, seeds=10))]) == history


def test_two_seeds_have_no_interval_to_look_at(folder):
    looks = [make_look(see(folder, seeds=2))]
    assert review_looks(see(folder, seeds=5), looks).earlier == ()


def test_a_method_that_is_added_adds_no_look(folder):
    look = make_look(see(folder, seeds=5, methods=("unguided", "swg")))
    scores = see(folder, seeds=5)
    assert review_looks(scores, [look]).earlier == ()
    assert not is_seen(make_look(scores), [look])


def test_a_variant_keeps_its_looks_under_another_label(folder):
    for seed, (one, other) in enumerate([(50.0, 60.0), (52.0, 61.0), (49.0, 63.0)]):
        folder.add(control(TASKS[0], "swg", seed, other, rho=5.0, rho_source="given"))
        folder.add(control(TASKS[0], "unguided", seed, one))
    look = make_look(load_scores(folder.path)[0])
    for seed in range(4):
        folder.add(control(TASKS[0], "swg", seed, 70.0 + seed, rho=9.0, rho_source="given"), "other")
    folder.add(control(TASKS[0], "swg", 3, 62.0, rho=5.0, rho_source="given"))
    folder.add(control(TASKS[0], "unguided", 3, 51.0))
    (scores,) = load_scores(folder.path)
    assert "swg" in look.hashes
    assert "swg" not in scores.variants  # now labelled by ρ
    assert [design.seeds for design in review_looks(scores, [look]).earlier] == [(0, 1, 2)]


def test_added_episodes_are_another_look_with_bonferronis_bound(folder):
    def add(count):
        for method, shift in (("unguided", 0.0), ("swg", 9.0)):
            for seed in range(4):
                scores = np.random.default_rng([seed, int(shift)]).normal(50 + shift, 5, count)
                episodes = [
                    {"return": s, "length": 300, "seed": i, "normalized": s}
                    for i, s in enumerate(map(float, scores))
                ]
                folder.add(control(TASKS[0], method, seed, float(scores.mean()), episodes=episodes))
        return load_scores(folder.path)[0]

    look = make_look(add(10))
    history = review_looks(add(60), [look])
    assert history.earlier == (Design((0, 1, 2, 3), (10,)),)
    text = describe_looks(history, (), is_density=False)
    assert "to which seeds or episodes were added since at 4 seeds of 10 episodes." in text
    assert "hold the truth together in at least 90 % of cases (by Bonferroni's inequality)" in text


def test_replaced_and_removed_results_are_named_and_not_counted(folder):
    looks = [make_look(see(folder, seeds=5)), make_look(see(folder, seeds=10))]
    history = review_looks(see(folder, seeds=10, shift=1.0), looks)
    assert (history.earlier, history.removed) == ((), 2)
    assert describe_looks(history, (), is_density=False) == (
        " 2 earlier looks were at results since removed or replaced, and not counted."
    )


def test_densities_have_looks_too(folder):
    def add(seeds):
        values = np.exp(np.random.default_rng(2).normal(-3, 0.2, (6, 2)))
        for seed in range(seeds):
            for method, value in zip(("unguided", "swg"), values[seed], strict=True):
                folder.add(density("moons", method, seed, {3.0: float(value)}))
        return load_scores(folder.path)[0]

    look = make_look(add(3))
    assert review_looks(add(6), [look]).earlier == (Design((0, 1, 2), (4000,)),)


def test_a_report_that_fails_is_no_look(folder, tmp_path):
    folder.add_matrix(draw_scores(seeds=3), TASKS)
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="which is a file"):
        report(folder, tmp_path / "file")
    assert count_lines(folder) == 0


def test_a_record_that_cannot_be_written_is_said(folder, tmp_path):
    folder.add_matrix(draw_scores(seeds=3), TASKS)
    os.symlink(folder.path / "missing" / "looks.jsonl", folder.path / "looks.jsonl")
    said = []
    assert report(folder, tmp_path / "out", said.append)
    assert re.fullmatch(
        r"Warning: this look cannot be noted in '.*looks.jsonl' \(.+\), so that .* count it.", said[-1]
    )


def test_a_damaged_record_is_refused_and_a_torn_line_passed_over(folder, tmp_path):
    folder.add_matrix(draw_scores(seeds=3), TASKS)
    report(folder, tmp_path / "out")
    file = folder.path / "looks.jsonl"
    whole = file.read_text()
    file.write_text(whole + whole[:50])
    folder.add_matrix(draw_scores(seeds=5), TASKS)
    report(folder, tmp_path / "out")
    assert [len(json.loads(line)["seeds"]) for line in file.read_text().splitlines()] == [3, 5]
    file.write_text('{"suite": "x"}\n' + whole)
    with pytest.raises(ReportError, match=r"line 1 of '.*looks.jsonl' is not a look"):
        report(folder, tmp_path / "out")


@pytest.mark.parametrize(("looks", "error"), [(2, 0.083), (3, 0.107), (5, 0.142)])
def test_repeated_tests_reject_as_often_as_published(looks, error):
    # Armitage, McPherson and Rowe (1969): normal tests at 5 % after equal groups; t is nearly normal here.
    found = simulate_joint_coverage([range(100 * (i + 1)) for i in range(looks)])
    assert 1 - found == pytest.approx(error, abs=0.006)


def test_one_look_and_separate_seeds_by_hand():
    assert simulate_joint_coverage([range(5)]) == pytest.approx(0.95, abs=0.004)
    assert simulate_joint_coverage([range(5), range(5, 10)]) == pytest.approx(0.95**2, abs=0.005)


def bound_means(drawn, size):
    """scipy's t intervals of the first seeds' means."""
    first = drawn[:, :size]
    return scipy.stats.t.interval(0.95, size - 1, first.mean(axis=1), scipy.stats.sem(first, axis=1))


@pytest.mark.parametrize(("effect", "stops_at"), [(0.0, "separated"), (1.0, "separated"), (1.0, "not separated")])
def test_what_is_said_holds_where_looking_is_stopped(effect, stops_at):
    """Seeds are added until the interval excludes 0 (or until it holds it); the last one is the one reported."""
    sizes, count = (3, 5, 10), 20_000
    drawn = np.random.default_rng(11).normal(effect, 1, (count, sizes[-1]))
    reported, is_stopped = np.empty((2, count)), np.zeros(count, dtype=bool)
    for size in sizes:
        low, high = bound_means(drawn, size)
        reported[:, ~is_stopped] = np.stack([low, high])[:, ~is_stopped]
        is_stopped |= ((low <= 0) & (high >= 0)) == (stops_at == "not separated")
    held = ((reported[0] <= effect) & (effect <= reported[1])).mean()
    stated = simulate_joint_coverage([range(size) for size in sizes])
    assert held >= stated - 0.006
    if effect == 0:
        assert held == pytest.approx(stated, abs=0.006)  # and no better than stated


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_bonferronis_bound_holds_where_episodes_are_added(share):
    """5 seeds of 10, then 60 episodes, then 10 seeds; `share` is the seeds' part of one episode's variance."""
    generator, count = np.random.default_rng(14), 10_000
    own, noise = generator.normal(size=(2, count, 10)), generator.normal(size=(2, count, 10))
    seeds, ten, fifty = own[0], noise[0] / np.sqrt(10), noise[1] / np.sqrt(50)
    few, many = (
        np.sqrt(share) * seeds + np.sqrt(1 - share) * part for part in (ten, (10 * ten + 50 * fifty) / 60)
    )
    bounds = [bound_means(few, 5), bound_means(many, 5), bound_means(many, 10)]
    held = np.all([(low <= 0) & (high >= 0) for low, high in bounds], axis=0).mean()
    assert held >= 0.85


def test_separation_with_the_correction_for_looks_is_seldom_false():
    """Four variants without a difference, with 3, 5 and 10 seeds, by the report's p and Holm's correction."""
    drawn = np.random.default_rng(12).normal(size=(4, 20_000, 10))
    first, second = np.triu_indices(4, 1)
    differences = drawn[first] - drawn[second]
    least = [adjust_by_holm(compute_p(differences[..., :size]).T).min(axis=-1) for size in (3, 5, 10)]
    assert (np.min(least, axis=0) <= 0.05 / 3).mean() <= 0.05 + 0.003
    assert (np.min(least, axis=0) <= 0.05).mean() > 0.08


WRITING = """
import sys, time
from pathlib import Path
from foundation.locks import hold_lock
folder, line = Path(sys.argv[1]), bytes.fromhex(sys.argv[2])
with hold_lock(folder / ".looks.lock", "looks"), (folder / "looks.jsonl").open("ab", buffering=0) as file:
    file.write(line[:40])
    print("half", flush=True)
    time.sleep(1)
    file.write(line[40:])
"""


def test_a_report_waits_until_another_has_written_its_look(folder):
    """Without the lock the half line would be taken for a torn one and cut off."""
    looks = [make_look(see(folder, seeds=seeds)) for seeds in (3, 5)]
    line = seal_line(looks[0].model_dump_json()) + b"\n"
    command = [sys.executable, "-c", WRITING, str(folder.path), line.hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "half\n"
        record_looks(folder.path, looks)
    assert other.returncode == 0
    assert read_looks(folder.path) == tuple(looks), "each once, the first by the other process"
