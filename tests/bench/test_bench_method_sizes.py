"""Parameters against PyTorch's own layers of the published shapes, evaluations against products by hand."""

import itertools
import re

import pytest
from torch import nn

from bench.reference.sizes import SizesOnTask, measure_method
from methods.core.registry import method_names

HOPPER, PEN = (11, 3), (45, 24)  # observations and actions of the tasks
K, BLOCKS, WIDTH, FEATURES = 15, 3, 256, 256  # the backbone that all share at preset paper
CALLS = {
    "unguided": (K, 0, 0, 1),
    "swg": (K, K, 0, 1),
    "swg-r": (16 * K, 16 * K, 0, 16),
    "cep": (K, K, K, 1),
    "ddice": (K, K, K, 1),
    "mse": (K, K, K, 1),
    "aepo": (K, K, K, 1),
    "dps": (K, K, 0, 1),
    "idql": (64 * K, 0, 0, 64),
    "sfbc": (32 * K, 0, 0, 32),
    "dql": (K, 0, 0, 1),
    "iql": (0, 0, 1, None),
    "td3-bc": (0, 0, 1, None),
    "cql": (0, 0, 1, None),
    "bc": (0, 0, 1, None),
}
"""Of one action: passes of the denoiser, gradients, passes of other networks; candidates. By the papers."""


def count(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def perceptron(*sizes: int) -> int:
    return count(nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))))


def q_and_v(task: tuple[int, int], layers: int = 2) -> int:
    """IQL's: twin Q and V."""
    (state, action), hidden = task, [256] * layers
    return 2 * perceptron(state + action, *hidden, 1) + perceptron(state, *hidden, 1)


def residual(task: tuple[int, int], weight: bool) -> int:
    """The ResNet that SWG and IDQL describe: 64 frequencies, 3 blocks of LayerNorm, 4 times the width, and back.

    The weight is a channel of z beside the action, read by a perceptron of 256 from an inner block.
    """
    state, action = task
    level = 64 + perceptron(128, FEATURES, FEATURES)
    block = count(nn.LayerNorm(WIDTH)) + perceptron(WIDTH, 4 * WIDTH, WIDTH)
    head = perceptron(WIDTH, 256, 1) if weight else 0
    return (
        level
        + perceptron(action + weight + state + FEATURES, WIDTH)
        + BLOCKS * block
        + perceptron(WIDTH, action)
        + head
    )


@pytest.fixture(scope="module", params=method_names())
def sizes(request: pytest.FixtureRequest) -> tuple[str, SizesOnTask]:
    return request.param, measure_method(request.param)


def test_an_action_takes_what_the_papers_say(sizes):
    name, found = sizes
    spent = found.controlled.evaluations
    assert (spent.function, spent.gradient, spent.beside, spent.candidates) == CALLS[name]


def test_what_all_share_has_the_parameters_of_the_published_networks(sizes):
    name, found = sizes
    trained = found.controlled.trained
    known = {
        "critic": q_and_v(HOPPER),
        "behaviour": residual(HOPPER, weight=False),
        "dql-policy": residual(HOPPER, weight=False),
        "joint": residual(HOPPER, weight=True),
        "iql-actor": perceptron(11, 256, 256, 3) + 3,
        "bc": perceptron(11, 256, 256, 3),
        "td3-bc": perceptron(11, 256, 256, 3) + 2 * perceptron(14, 256, 256, 1),
        "cql": perceptron(11, 256, 256, 6) + 2 * perceptron(14, 256, 256, 1) + 2,  # and η and m
    }
    counted = {kind: number for kind, number in trained.items() if kind in known}
    assert counted == {kind: known[kind] for kind in counted}
    assert set(trained) - set(known) <= {f"{name}-energy", "ddice-guidance"}, "of each method's own test"


def test_swg_has_about_1_8_million_as_its_paper_says():
    assert measure_method("swg").controlled.trained["joint"] == pytest.approx(1.8e6, rel=0.03)


def test_as_published_each_has_its_own():
    """Diffusion-QL's perceptron of 3 layers and twin Q (its code), CQL's of 3 layers, IDQL's five levels."""
    dql = measure_method("dql", preset="official").as_published
    policy = perceptron(11 + 3 + 16, 256, 256, 256, 3) + 8 + perceptron(16, 16, 16)
    assert dql.trained == {"dql-actor-critic": policy + 2 * perceptron(14, 256, 256, 256, 1)}
    assert dql.acting == policy + 2 * perceptron(14, 256, 256, 256, 1)
    assert (dql.evaluations.function, dql.evaluations.candidates) == (5 * 50, 50)
    cql = measure_method("cql", "pen-human", "official").as_published
    multiplier = 1  # τ is 5 on pen
    assert (
        cql.trained["cql"]
        == perceptron(45, 256, 256, 256, 48) + 2 * perceptron(69, 256, 256, 256, 1) + 1 + multiplier
    )
    idql = measure_method("idql", "pen-human", "official")
    assert idql.as_published.evaluations.function == 5 * 64
    assert idql.controlled.trained["critic"] == q_and_v(PEN) + 2 * 45, "official has a LayerNorm on V's input"


def test_the_page_shows_them_for_the_task_and_preset_that_are_asked_for(bench):
    lines = bench("list", "method", "iql", "--task", "pen-human", "--preset", "quick").out.splitlines()
    (about,) = [
        line for line in lines if line.startswith("On pen-human (45 observations, 24 actions) with --preset quick")
    ]
    assert "of one seed" in about
    rows = {
        key: numbers.split()
        for key, numbers in (
            re.split(r"  +", line.strip(), maxsplit=1) for line in lines if line.startswith("  parameters of")
        )
    }
    assert rows["parameters of iql-actor"] == [f"{perceptron(45, 128, 128, 24) + 24:,}"] * 2
    swg = bench("list", "method", "swg").out.splitlines()
    assert any(re.fullmatch(r"  an action: gradients +15 +15", line) for line in swg)
