"""What sharing saves, with seconds and ratios worked by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from command_line import TOY, Call

from bench.config.spec import Cell, Config
from bench.conformance.subject import small_setup
from bench.runner.estimate import Estimated
from bench.runner.nodes import Node
from bench.runner.plan import PlannedCell, TaskPlan
from bench.runner.sharing import estimate_sharing
from methods import get_method
from suites import get_tasks

SECONDS = {"critic": 100.0, "behaviour": 50.0, "energy": 70.0, "joint": 60.0}
CRITIC, BEHAVIOUR = (Node(small_setup().critic(), name, {}) for name in ("critic", "behaviour"))
ENERGY = Node(small_setup().critic(), "energy", {"critic": CRITIC, "behaviour": BEHAVIOUR})
JOINT = Node(small_setup().critic(), "joint", {"critic": CRITIC})
NODES: Mapping[str, Mapping[str, Node]] = {
    "unguided": {"denoiser": BEHAVIOUR},
    "idql": {"denoiser": BEHAVIOUR, "critic": CRITIC},
    "cep": {"denoiser": BEHAVIOUR, "guidance": ENERGY},
    "swg": {"denoiser": JOINT},
}


def make_plan(names: Sequence[str], missing: Mapping[str, tuple[int, ...]]) -> TaskPlan:
    (task,) = get_tasks("maze2d", ["maze2d-umaze"])
    cells = [
        PlannedCell(
            Cell(task, name, get_method(name)(), Config(), None, None, seed, "quick", "shared"),
            small_setup(),
            NODES[name],
            name,
        )
        for name in names
        for seed in (0, 1)
    ]
    nodes = {node.label: node for node in (CRITIC, BEHAVIOUR, ENERGY, JOINT)}
    made = [(nodes[label], seeds) for label, seeds in missing.items()]
    return TaskPlan(task, None, {}, cells, cells, made, 0)  # pyright: ignore[reportArgumentType]


def test_every_method_alone_trains_what_it_needs_and_together_each_once():
    plan = make_plan(list(NODES), dict.fromkeys(SECONDS, (0, 1)))
    sharing = estimate_sharing([plan], [Estimated(SECONDS, 1000.0)])
    assert sharing is not None
    assert sharing.alone == pytest.approx({"unguided": 50, "idql": 150, "cep": 220, "swg": 160})
    assert sharing.together == pytest.approx(280)
    assert sharing.describe() == (  # 280 / 220 and 280 / 580
        "sharing: training of these 4 methods together costs 1.27 of the dearest alone (cep) and 0.48 of the sum "
        "of each alone"
    )


def test_what_is_there_costs_nothing_and_tasks_are_added():
    there = make_plan(["idql", "swg"], {"joint": (0, 1)})
    assert estimate_sharing([there], [Estimated({"joint": 60.0}, 0.0)]) is None, "one method has to train"
    whole = make_plan(["idql", "swg"], dict.fromkeys(("critic", "behaviour", "joint"), (0, 1)))
    seconds = {name: SECONDS[name] for name in ("critic", "behaviour", "joint")}
    sharing = estimate_sharing([there, whole], [Estimated({"joint": 60.0}, 0.0), Estimated(seconds, 0.0)])
    assert sharing is not None
    assert sharing.alone == pytest.approx({"idql": 150, "swg": 220})
    assert (sharing.together, sharing.dearest) == (270, "swg")


def test_a_method_with_some_of_the_seeds_takes_their_share():
    whole = make_plan(["idql", "swg"], dict.fromkeys(("critic", "behaviour", "joint"), (0, 1, 2, 3)))
    seconds = {name: SECONDS[name] for name in ("critic", "behaviour", "joint")}
    sharing = estimate_sharing([whole], [Estimated(seconds, 0.0)])
    assert sharing is not None
    assert sharing.alone == pytest.approx({"idql": 75, "swg": 80})  # 2 of 4 seeds are theirs


def test_the_plan_says_it(bench: Call, tmp_path: Path):
    folders = ("--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")
    told = bench("plan", *TOY, "--methods", "unguided,cep,swg", *folders)
    assert told.code == 0
    assert "  sharing: training of these 3 methods together costs " in told.out
    alone = bench("plan", *TOY, "--methods", "swg", *folders)
    assert "expected time" in alone.out
    assert "sharing" not in alone.out
