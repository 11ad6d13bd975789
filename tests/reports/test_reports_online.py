"""What running the tried policies finds, from made-up ledgers: by enumeration, closed forms and by hand."""

import csv
import io
import itertools
import json
import math

import numpy as np
import pytest
from synthetic_results import control, evaluation

from reports.analysis.online import PULLS, REPEATS, analyse_online, expect_chosen, run_bandit
from reports.load.ledger import read_tuning_records
from reports.load.scores import load_scores
from reports.load.tried_policies import Search, collect_tried
from reports.load.tuning_schema import LedgerEntry
from reports.render.csv import export_online
from reports.render.document import Figure, render_markdown
from reports.sections.online import make_online_section

UMAZE = Search("maze2d", "maze2d-umaze", "swg", "quick", "shared", ("local", "ab12"))


def entry(rho, values, seeds=(100, 101), **changes):
    """A tuning evaluation whose episodes' scores are given for each seed."""
    own = {"values": values, "episodes": len(values[0]), "purpose": "tuning/0", **changes}
    return evaluation("tuning", list(seeds), rho, **own)


def read(*lines):
    return [LedgerEntry.model_validate_json(json.dumps({"previous": "0", **line})) for line in lines]


def test_the_ledgers_episodes_are_put_together_by_policy():
    found = collect_tried(
        read(
            entry(1.0, [[1.0, 2.0], [3.0, 4.0]]),
            entry(1.0, [[5.0], [6.0]], first_episode=2, purpose="tuning/2"),
            entry(1.0, [[1.0, 2.0, 7.0]], seeds=(100,)),  # another search, whose first two episodes are known
            entry(5.0, [[9.0], [9.0]]),
            entry(1.0, [[8.0], [8.0]], policy="p1"),
            entry(2.0, [[math.nan], [8.0]]),
            entry(3.0, [[50.0], [60.0]], episodes=20),  # of 0.2.0
            entry(1.0, [[0.0], [0.0]], task="maze2d-large"),
            evaluation("reported", [0], 1.0, episodes=1),
        )
    )
    assert set(found) == {UMAZE, UMAZE._replace(task="maze2d-large")}
    own = found[UMAZE]
    assert [(p.policy, p.rho, p.seeds) for p in own.policies] == [
        ("p0", 1.0, (100, 101)), ("p0", 5.0, (100, 101)), ("p1", 1.0, (100, 101))
    ]  # fmt: skip
    assert (own.diverged, own.means_alone) == (1, 1)
    first = own.policies[0]
    assert first.mean == pytest.approx((1 + 2 + 7 + 5 + 3 + 4 + 6) / 7)
    # Seed + episode even: 100 has 0 and 2 (of both purposes), 101 has 1.
    assert sorted(first.select(0)) == [1.0, 4.0, 5.0, 7.0]
    assert sorted(first.select(1)) == [2.0, 3.0, 6.0]
    assert sorted(first.select(1, seed=101)) == [3.0, 6.0]


@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_the_best_of_k_is_the_mean_over_all_draws(budget):
    chosen_by, scored = np.array([3.0, 9.0, 4.0, 7.0, 1.0]), np.array([10.0, 0.0, 40.0, 20.0, 90.0])
    draws = [max(drawn, key=lambda i: chosen_by[i]) for drawn in itertools.combinations(range(5), budget)]
    assert expect_chosen(chosen_by, scored, budget) == pytest.approx(np.mean([scored[i] for i in draws]))


def test_one_of_several_best_is_chosen_at_random():
    chosen_by, scored = np.array([1.0, 5.0, 5.0]), np.array([0.0, 10.0, 30.0])
    # Of the three pairs, two have one of the best, which is chosen, and one has both.
    assert expect_chosen(chosen_by, scored, 2) == pytest.approx((10 + 30 + 20) / 3)
    assert expect_chosen(chosen_by, scored, 3) == pytest.approx(20.0)


def test_a_bandit_on_policies_without_variance_needs_one_pull_of_each():
    rewards = [np.array([value]) for value in (10.0, 30.0, 20.0)]
    found = run_bandit(rewards, np.array([1.0, 3.0, 2.0]), 3, 3_000, np.random.default_rng(1))
    assert found.shape == (3_000, PULLS)
    # After t of 3 pulls the best of t policies drawn without replacement: 2, (3 + 3 + 2) / 3, 3.
    assert found[:, 0].mean() == pytest.approx(2.0, abs=4 * np.sqrt(2 / 3 / 3_000))
    assert found[:, 1].mean() == pytest.approx(8 / 3, abs=4 * np.sqrt(2 / 9 / 3_000))
    assert (found[:, 2:] == 3.0).all()


def test_a_bandit_is_misled_by_chance_as_often_as_by_hand():
    """A sure 4 and a policy that scores 0 or 10: after a pull of each the second is recommended half the time."""
    found = run_bandit(
        [np.array([4.0]), np.array([0.0, 10.0])], np.array([4.0, 5.0]), 2, 4_000, np.random.default_rng(2)
    )
    assert found[:, 1].mean() == pytest.approx(4.5, abs=4 * 0.5 / np.sqrt(4_000))


def pull_slowly(rewards, scored, generator):
    """One repeat of the protocol in plain Python, with the same random numbers."""
    arms = generator.permuted(np.arange(len(rewards))[None], axis=1)[0].tolist()
    seen: dict[int, list[float]] = {arm: [] for arm in arms}
    found = []
    for pull in range(1, PULLS + 1):
        bounds = [
            math.fsum(seen[arm]) / len(seen[arm]) + math.sqrt(2 * math.log(pull) / len(seen[arm]))
            if seen[arm]
            else math.inf
            for arm in arms
        ]
        arm = arms[bounds.index(max(bounds))]
        seen[arm].append(rewards[arm][int(generator.random() * len(rewards[arm]))])
        means = [math.fsum(seen[arm]) / len(seen[arm]) if seen[arm] else -math.inf for arm in arms]
        found.append(scored[arms[means.index(max(means))]])
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_bandit_pulls_as_its_bounds_say(seed):
    generator = np.random.default_rng(seed)
    rewards = [generator.normal(mean, 3.0, count) for mean, count in ((1.0, 5), (2.0, 7), (3.0, 6), (2.5, 9))]
    scored = np.arange(4.0)
    (found,) = run_bandit(rewards, scored, 4, 1, np.random.default_rng(seed + 10))
    assert found.tolist() == pull_slowly(rewards, scored, np.random.default_rng(seed + 10))


TASKS = ("maze2d-umaze", "maze2d-large")


def add_results(folder, methods=("swg", "unguided"), tasks=TASKS):
    for method in methods:
        for task in tasks:
            rho = {} if method == "unguided" else {"rho": 5.0, "rho_source": "given"}
            folder.add(control(task, method, 0, 50.0, **rho))


def analyse(folder):
    (scores,) = load_scores(folder.path)
    found = analyse_online(scores, read_tuning_records(folder.path).ledger)
    assert found is not None
    return found


def steady(rho, score, task, method="swg", other=None):
    """Two seeds of four episodes; with `other` the odd half scores that."""
    even, odd = score, score if other is None else other
    return entry(rho, [[even, odd, even, odd], [odd, even, odd, even]], task=task, method=method)


def test_choice_and_score_are_of_different_halves(folder):
    """Even halves 10, 30, odd halves 20, 5: by the even half the second is chosen and scores 5, by the odd one the
    first is chosen and scores 10."""
    add_results(folder, tasks=TASKS[:1])
    folder.write_ledger([steady(1.0, 10.0, TASKS[0], other=20.0), steady(5.0, 30.0, TASKS[0], other=5.0)])
    found = analyse(folder)
    (own,) = found.methods
    assert own.best.score.tolist() == [pytest.approx((10 + 20 + 30 + 5) / 4), pytest.approx((5 + 10) / 2)]
    assert own.flattered.score.tolist() == [pytest.approx(16.25), pytest.approx((30 + 20) / 2)]
    assert (own.policies, own.episodes, own.seeds, found.drawn) == ((4,), (2, 2), (100, 101), 4)
    # Each of both seeds' policies has no variance within a half: after four pulls the choice is made.
    assert own.bandit.score[3:].tolist() == pytest.approx([7.5] * (PULLS - 3))
    assert found.absent == {"unguided": "no tuning of it on these data is in the ledger"}


def test_methods_are_averaged_over_the_tasks_that_all_were_tuned_on(folder):
    add_results(folder, ("swg", "cep", "idql", "unguided"))
    folder.write_ledger(
        [
            *(steady(rho, 10.0 * rho, TASKS[0]) for rho in (1.0, 2.0, 3.0)),
            *(steady(rho, 20.0 * rho, TASKS[1]) for rho in (1.0, 2.0)),
            *(steady(rho, 5.0 * rho, TASKS[1], "cep") for rho in (1.0, 2.0, 3.0, 4.0, 5.0)),
            steady(1.0, 5.0, TASKS[1], "idql"),
        ]
    )
    found = analyse(folder)
    assert found.tasks == (TASKS[1],)
    assert found.drawn == 4, "swg has two scales with two seeds each, and so every method's bandit draws four"
    assert [own.label for own in found.methods] == ["cep", "swg"]
    cep, swg = found.methods
    assert swg.best.score.tolist() == [30.0, 40.0]
    assert swg.bandit.score[-1] == pytest.approx(40.0)
    assert cep.best.score[-1] == pytest.approx(25.0)
    assert cep.bandit.score[-1] < 25.0, "four of ten policies need not have the best"
    assert found.absent["idql"].startswith("fewer than two scales")
    folder.write_ledger([steady(rho, 20.0 * rho, task) for rho in (1.0, 2.0) for task in TASKS])
    (own,) = analyse(folder).methods
    assert own.best.score.tolist() == [30.0, 40.0]
    assert own.bandit.lower is not None
    assert own.bandit.lower[-1] == own.bandit.score[-1] == 40.0


def test_the_curves_are_drawn_said_and_exported(folder):
    add_results(folder, ("swg", "cep", "unguided"))
    generator = np.random.default_rng(3)
    folder.write_ledger(
        [
            entry(rho, generator.normal(30 + 4 * rho, 20, (2, 12)).tolist(), task=task, method=method)
            for task in TASKS
            for method, count in (("swg", 7), ("cep", 5))
            for rho in map(float, range(count))
        ]
    )
    found = analyse(folder)
    blocks = make_online_section(found)
    text = render_markdown(blocks)
    assert "### Expected online performance, data local" in text
    assert "of training seeds 100, 101, without any reported one" in text
    assert f"Each of {REPEATS:,} repeats draws 8 policies of a method" in text
    assert "drawn with replacement from 6, so that" in text
    assert "Without a curve: `unguided`: no tuning of it on these data is in the ledger." in text
    (figure,) = (block for block in blocks if isinstance(block, Figure))
    assert figure.name == "maze2d-online"
    exported = export_online([found])
    assert exported is not None
    rows = list(csv.DictReader(io.StringIO(exported)))
    counts = [
        len([r for r in rows if (r["method"], r["curve"]) == key])
        for key in itertools.product(("swg", "cep"), ("bandit", "best of k", "best of k, same episodes"))
    ]
    assert counts == [PULLS, 7, 7, PULLS, 5, 5]
    first = next(r for r in rows if (r["method"], r["curve"]) == ("swg", "bandit"))
    assert (first["budget"], first["tasks"], first["among"]) == ("1", "2", "8")
    assert float(first["lower"]) <= float(first["score"]) <= float(first["upper"])


def test_without_tuning_there_is_no_section(folder):
    add_results(folder)
    assert make_online_section(analyse(folder)) == []
    folder.write_ledger([entry(1.0, [[5.0], [6.0]]), entry(5.0, [[5.0], [6.0]])])
    text = render_markdown(make_online_section(analyse(folder)))
    assert "There are no curves." in text
    assert "`swg`: fewer than two episodes of each training seed were scored in tuning" in text
