"""A learning curve has at most 1,000 rows, the last step among them, and reads back from its CSV."""

import csv
import io
import itertools
from dataclasses import replace

import pytest
import torch
from actor_critic import ACTOR, CRITIC, ActorCritic, quiet, toy_data

from critics.config import CriticConfig
from critics.iql import IQL
from training import SeedStreams, Step, fit
from training.curve import Curve

SEEDS = (2, 7)


@pytest.mark.parametrize("steps", [1, 2, 999, 1000, 1001, 1999, 2000, 2001, 54_321, 100_000])
def test_it_has_at_most_a_thousand_rows_evenly_spaced_and_the_last_step(steps: int):
    curve = Curve(SEEDS, steps)
    wanted = [step for step in range(1, steps + 1) if curve.wants(step)]
    assert len(wanted) <= 1000
    assert len(wanted) > min(steps, 1000) / 2 - 1
    assert wanted[-1] == steps
    *gaps, last = (after - before for before, after in itertools.pairwise([0, *wanted]))
    assert len(set(gaps)) <= 1
    assert last <= max(gaps, default=last)
    if steps <= 1000:
        assert wanted == list(range(1, steps + 1))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_of_one_group_has_the_named_columns_and_the_numbers_of_its_seed():
    data, config = toy_data(), CriticConfig(width=8, steps=5, batch_size=8, learning_rate=7e-4)
    component = IQL(config, 3, 2)
    told: list[tuple[int, dict[str, float]]] = []
    curve = fit(component, data, {}, SEEDS, quiet, on_row=lambda seed, row: told.append((seed, row))).curve
    for place, seed in enumerate(SEEDS):
        text = curve.to_csv(place)
        assert text.splitlines()[0] == "step,loss,value_loss,td_loss,learning_rate,gradient_norm,seconds"
        rows = read(text)
        assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5]
        assert [{name: float(value) for name, value in row.items()} for row in rows] == curve.rows[place]
        assert [row for other, row in told if other == seed] == curve.rows[place]
        assert {row["learning_rate"] for row in rows} == {"0.0007"}
        # The first row by hand: loss and gradient of the fresh networks on the first batch, this seed alone.
        module = component.build(SeedStreams([seed], "/critic/initial"))
        loss = component.losses(module, Step(data, {}, SeedStreams([seed], "/critic/training")))["loss"]
        gradients = torch.autograd.grad(loss.sum(), [p for p in module.parameters() if p.requires_grad])
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
        first = {name: float(value) for name, value in rows[0].items()}
        assert first["loss"] == pytest.approx(loss.item(), rel=1e-4)
        assert first["value_loss"] + first["td_loss"] == pytest.approx(first["loss"], rel=1e-5)
        assert first["gradient_norm"] == pytest.approx(norm, rel=1e-4)
        assert [float(row["seconds"]) for row in rows] == sorted(float(row["seconds"]) for row in rows)


def test_a_group_that_has_taken_no_step_has_no_norm():
    component = ActorCritic(length=3, idle=(0,))
    rows = read(fit(component, toy_data(), {}, SEEDS, quiet).curve.to_csv(0))
    assert [row["actor"] != "" for row in rows] == [False, True, True]
    assert [row["gradient_norm_actor"] != "" for row in rows] == [False, True, True]
    assert [float(row["learning_rate_critic"]) for row in rows] == [CRITIC.learning_rate] * 3


def test_a_group_that_steps_seldom_is_in_every_row():
    """Of 12 steps at most 6 rows, all of odd numbers of steps done: the actor steps on the even ones."""
    component = ActorCritic(chosen=(CRITIC, replace(ACTOR, every=2)))
    rows = read(fit(component, toy_data(), {}, SEEDS, quiet).curve.to_csv(0))
    assert all(float(row["gradient_norm_actor"]) > 0 for row in rows)
    assert rows[2]["gradient_norm_actor"] == rows[3]["gradient_norm_actor"]


def test_a_thinned_curve_has_the_numbers_of_its_own_steps(monkeypatch):
    """Of 12 steps at most 5 rows: 3, 6, 9, 12, as in the whole curve."""
    whole = fit(ActorCritic(), toy_data(), {}, SEEDS, quiet).curve
    monkeypatch.setattr("training.curve.MOST_ROWS", 5)
    thin = fit(ActorCritic(), toy_data(), {}, SEEDS, quiet).curve
    for ours, theirs in zip(thin.rows, whole.rows, strict=True):
        assert [row["step"] for row in ours] == [3, 6, 9, 12]
        expected = [{**row, "seconds": 0} for row in theirs if row["step"] % 3 == 0]
        assert [{**row, "seconds": 0} for row in ours] == expected
