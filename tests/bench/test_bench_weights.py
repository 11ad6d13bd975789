"""The weights of the data and those that a method predicts: against numpy's, and no score depends on them."""

import json

import numpy as np
import pytest
import torch
from command_line import MAZE, results_in

from bench.runner import units
from bench.runner.weights import BINS, STATES, count_weights
from methods.diffusion.noise import StreamNoise
from reports.load.schema import Result
from training import SeedStreams

EDGES = np.linspace(1e-4, 1.0, BINS + 1)


@pytest.fixture
def run(bench, tmp_path, artifacts, short_episodes):
    def call(*arguments, to="results"):
        folders = ("--results", tmp_path / to, "--artifacts", artifacts)
        told = bench("run", *MAZE, *folders, "--seeds", "1", *arguments)
        assert told.code == 0, told
        return results_in(tmp_path / to)

    return call


def test_weights_are_counted_as_numpy_does():
    values = torch.tensor([[0.0, 1e-4, 0.3, 0.31, 1.0, 1.5, float("nan")]])
    found = count_weights(values, EDGES)
    assert found.edges == pytest.approx(EDGES)
    assert sum(found.counts) == 6, "what is not finite lies nowhere"
    assert (found.counts[0], found.counts[-1]) == (2, 2)
    assert found.counts == tuple(np.histogram(np.clip([0, 1e-4, 0.3, 0.31, 1, 1.5], 1e-4, 1), EDGES)[0])


def test_a_result_has_the_weights_of_the_data_and_those_of_its_draws(run, monkeypatch):
    """The data's by the critic and SWG's equation 21, the draws' by an observer of the sampler's last answer."""
    seen, measure = {}, units.measure_weights

    def watch(planned, builder):
        found = measure(planned, builder)
        if planned.cell.name == "swg-r":
            data, seeds = builder.data, [planned.cell.seed]
            index = torch.linspace(0, len(data) - 1, STATES).long()
            critic = builder.models(planned.models["denoiser"].upstream, seeds)["critic"]
            observations, actions = data.observations[index][None], data.actions[index][None]
            advantage = (critic.q(observations, actions) - critic.v(observations)).detach().double().numpy()
            seen["advantage"], seen["candidates"] = advantage, planned.cell.method.selection().candidates
            seen["config"] = planned.cell.settings()
        return found

    monkeypatch.setattr(units, "measure_weights", watch)
    results = run("--methods", "unguided,swg-r", "--swg-r.weight", "smooth-expectile")
    (plain,) = [found for (name, _, _), found in results.items() if name == "unguided"]
    assert plain["weights_histogram"] is plain["learned_weights"] is None
    (ours,) = [found for (name, _, _), found in results.items() if name == "swg-r"]
    learned, predicted = ours["learned_weights"], ours["weights_histogram"]
    assert learned["edges"] == predicted["edges"] == pytest.approx(EDGES)
    assert sum(predicted["counts"]) == STATES * seen["candidates"]
    expectile = seen["config"]["critic.expectile"]
    gate = 1 / (1 + np.exp(-seen["advantage"]))
    weights = gate * expectile + (1 - gate) * (1 - expectile)
    assert np.abs(np.cumsum(learned["counts"]) - np.cumsum(np.histogram(weights, EDGES)[0])).max() <= 2


def test_no_number_depends_on_them(run, monkeypatch):
    with_weights = run("--methods", "swg", "--rho", "0,5")
    monkeypatch.setattr(units, "measure_weights", lambda planned, builder: None)
    without = run("--methods", "swg", "--rho", "0,5", to="again")
    assert {found["rho"] for found in with_weights.values()} == {0.0, 5.0}
    for key, found in with_weights.items():
        assert found["learned_weights"] is not None
        assert without[key]["learned_weights"] is None
        for name in ("score", "episodes", "interventions", "evaluations"):
            assert found[name] == without[key][name], name


def test_the_first_candidate_is_the_action(run, monkeypatch):
    """With one candidate: what `act` gives with the same random numbers, and beside it a weight in its range."""
    seen = []

    def watch(planned, builder):
        seeds = [planned.cell.seed]
        observations = builder.data.observations[:7][None]
        rho = torch.full((1, 7), 5.0)
        policy = planned.cell.method.policy(builder.models(planned.models, seeds), planned.setup)
        acted, drawn = (
            call(observations, rho, StreamNoise(SeedStreams(seeds, "test"), 7)).detach()
            for call in (policy.act, policy.draw_candidates)
        )
        seen.append((acted, drawn))

    monkeypatch.setattr(units, "measure_weights", watch)
    run("--methods", "swg")
    ((acted, drawn),) = seen
    assert torch.equal(drawn[..., :2], acted)
    assert drawn.shape == (1, 7, 3)
    assert ((drawn[..., 2] >= EDGES[0] - 1e-7) & (drawn[..., 2] <= EDGES[-1])).all()


def test_an_older_result_has_none(run, tmp_path):
    run("--methods", "swg")
    (file,) = (tmp_path / "results" / "runs").glob("*/swg-*/seed-0.json")
    record = json.loads(file.read_text())
    del record["learned_weights"], record["sha256"]
    assert Result.model_validate_json(json.dumps({**record, "weights_histogram": None})).learned_weights is None
