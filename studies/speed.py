"""CPU time of the work that training and sampling consist of, the ways to do it side by side in one run.

    .venv/bin/python studies/speed.py                          every row, three to ten minutes of one core
    .venv/bin/python studies/speed.py --only joint,action      the rows whose names contain one of these
    .venv/bin/python studies/speed.py --json build/speed.json  the numbers too, with every ratio

Rows are at the papers' sizes (SWG's network of width 256, 15 levels, locomotion's 17 observations and 6 actions).
The ways of a row take turns in random order, and each is divided by the first, turn by turn: the ratio is the
median with its 5th and 95th percentile over the turns. CPU time leaves out what else the machine does; wall time
stands beside. Operations are those of matrix products, and their share is of what this machine reaches in a
product of 1024 by 1024 by 1024 in the same precision.
"""

import argparse
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from turns import Call, Row, format_row, measure, measure_limit

from bench.config.precedence import SHARED, Case, resolve_settings
from bench.config.spec import Config
from bench.runner.blocks import Evaluation, count_rows
from bench.runner.data import make_setup as make_task_setup
from bench.runner.evaluate import evaluate
from foundation.files import write_atomically
from methods import Data, SeedStreams, Step, Trained, get_method
from methods.core.method import Method
from methods.core.policy import Policy
from methods.core.setup import Setup
from methods.core.support import SupportActions
from methods.diffusion.keyed_noise import KeyedNoise
from reports.render.document import Table, format_markdown_table
from suites import ControlTask, get_suite, get_tasks
from training.checkpoint import TrainingState
from training.precision import Precision
from training.products import multiply_and_add
from training.steps import EagerSteps

OBSERVATIONS, ACTIONS, TRANSITIONS = 17, 6, 20_000
SEED = 0
SCALES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # ρ


def make_setup(**changes: Any) -> Setup:
    """What methods share at the papers' sizes."""
    config = Config()
    setup = Setup(
        observation_dim=OBSERVATIONS,
        action_dim=ACTIONS,
        action_low=(-1.0,) * ACTIONS,
        action_high=(1.0,) * ACTIONS,
        critic_config=config.critic,
        denoiser=config.denoiser,
        guidance_net_config=config.guidance_net,
        sampler=config.sampler,
    )
    return replace(setup, **changes)


def make_data() -> Data:
    """Random transitions; what is learned from them costs what it would from real ones."""
    numbers = torch.Generator().manual_seed(SEED)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=numbers)

    actions = normal(TRANSITIONS, ACTIONS).tanh()
    states, next_states = normal(TRANSITIONS, OBSERVATIONS), normal(TRANSITIONS, OBSERVATIONS)
    return Data(states, actions, normal(TRANSITIONS), next_states, torch.zeros(TRANSITIONS))


def train(find: Callable[[Setup], Trained], seeds: int, precision: str) -> Callable[[], Call]:
    """A training step of a component: losses, gradients, optimiser, averages and targets."""

    def make() -> Call:
        setup = make_setup()
        setup = replace(
            setup,
            critic_config=replace(setup.critic_config, precision=precision),
            denoiser=replace(setup.denoiser, precision=precision),
            guidance_net_config=replace(setup.guidance_net_config, precision=precision),
        )
        component, data, chosen = find(setup), make_data(), tuple(range(seeds))
        models = {
            name: freeze(each.build(SeedStreams(chosen, name))) for name, each in component.upstream().items()
        }
        state = TrainingState(component, chosen, data, None)
        given = Step(data, models, state.noise)
        steps = EagerSteps(component, state, replace(given, precomputed=component.precompute(given)))
        return lambda: steps.take(1)

    return make


def freeze(model: Any) -> Any:
    """The model without gradients."""
    return model.requires_grad_(False) if isinstance(model, torch.nn.Module) else model


def make_policy(method: Method, setup: Setup, compiled: bool = False) -> Policy:
    """A policy with the weights that its networks begin with, which cost as much as trained ones.

    Args:
        method, setup: what to make.
        compiled: whether the networks of the modules are compiled when they are first called.
    """
    streams = SeedStreams([SEED], "speed")
    components = method.components(setup)
    built = {component: freeze(component.build(streams)) for component in dict.fromkeys(components.values())}
    for model in built.values() if compiled else ():
        getattr(model, "network", model).compile()
    return method.policy({name: built[component] for name, component in components.items()}, setup)


def act(
    method: Method,
    states: int,
    plain: bool,
    change: Callable[[Setup], Setup] = lambda setup: setup,
    guided: bool = True,
    compiled: bool = False,
) -> Callable[[], Call]:
    """An action of a policy at that many states, in a setup that may be changed, at the default ρ or unguided."""

    def make() -> Call:
        policy = make_policy(method, change(make_setup(plain=plain)), compiled)
        noise = KeyedNoise(SEED, "speed", range(states))
        observations = SeedStreams([SEED], "states").normal(states, OBSERVATIONS)
        rho = torch.full((1, states), method.rho.default if method.rho and guided else 0.0)

        @torch.no_grad()
        def call() -> None:
            policy.act(observations, rho, noise)
            noise.advance()

        return call

    return make


def round_sampling(setup: Setup, precision: Precision = "bf16") -> Setup:
    """The setup with the products of sampling in that precision."""
    return replace(setup, sampler=replace(setup.sampler, precision=precision))


def draw_support(precision: Precision) -> Callable[[], Call]:
    """16 actions of the behaviour model at each of 1,024 states, as CEP's support has them for a million."""

    def make() -> Call:
        setup = round_sampling(make_setup(), precision)
        support = SupportActions(setup.behaviour(), 1024, 16, setup.sampler, setup.action_low, setup.action_high)
        data, streams = make_data(), SeedStreams([SEED], "support")
        module = support.build(streams)
        models = {"behaviour": freeze(setup.behaviour().build(streams))}
        step = Step(data, models, SeedStreams([SEED], "speed"))

        return lambda: support.compute(module, step, lambda *_: None)

    return make


def roll_out(count: int, episodes: int, together: bool) -> Callable[[], Call]:
    """Episodes of 10 steps of maze2d-umaze at so many scales, in one rollout or in one for each."""

    def make() -> Call:
        (task,) = get_tasks("maze2d", ["maze2d-umaze"])
        assert isinstance(task, ControlTask)
        sizes = {"observation_dim": task.observation_dim, "action_dim": task.action_dim}
        setup = make_setup(**sizes, action_low=(-1.0, -1.0), action_high=(1.0, 1.0))
        short, method = replace(task, horizon=10), get_method("swg")()
        cpu = torch.device("cpu")
        evaluations = [Evaluation(SEED, rho, range(episodes), (), cpu) for rho in SCALES[:count]]
        groups = [evaluations] if together else [[each] for each in evaluations]
        policies = [make_policy(method, setup) for _ in groups]

        def call() -> None:
            for policy, group in zip(policies, groups, strict=True):
                evaluate(policy, short, group, lambda done, total: None)

        return call

    return make


class RecordedNoise:
    """Passes on what is asked of a noise and keeps it.

    Attributes:
        asked: law, key and shape of every draw.
    """

    def __init__(self, noise: KeyedNoise):
        self.noise = noise
        self.asked: list[tuple[str, str, tuple[int, ...]]] = []

    def normal(self, key: str, *shape: int) -> torch.Tensor:
        """See `KeyedNoise`."""
        self.asked.append(("normal", key, shape))
        return self.noise.normal(key, *shape)

    def uniform(self, key: str, *shape: int) -> torch.Tensor:
        """See `KeyedNoise`."""
        self.asked.append(("uniform", key, shape))
        return self.noise.uniform(key, *shape)


def roll_out_quick(name: str, noise_alone: bool) -> Callable[[], Call]:
    """50 episodes of 100 steps of maze2d-umaze at the sizes of `quick`, or only the noise that they draw."""

    def make() -> Call:
        suite = get_suite("maze2d")
        (task,) = get_tasks("maze2d", ["maze2d-umaze"])
        assert isinstance(task, ControlTask)
        config, methods = resolve_settings(Case("quick", SHARED, suite, task, {name: get_method(name)}, {}))
        method = methods[name]
        setup = make_task_setup(task, config, (-1.0, -1.0), (1.0, 1.0))
        policy, asking = make_policy(method, setup), make_policy(method, setup)
        rho = method.rho.default if method.rho else 0.0
        evaluation = Evaluation(SEED, rho, range(50), (), torch.device("cpu"))
        short, rows = replace(task, horizon=100), count_rows(policy, task, evaluation.device)
        recorded = RecordedNoise(evaluation.noise(task, range(rows)))
        with torch.no_grad():
            asking.act(torch.zeros(1, rows, task.observation_dim), torch.full((1, rows), rho), recorded)

        def draw() -> None:
            for start in range(0, len(evaluation.episodes), rows):
                noise = evaluation.noise(task, range(start, start + rows))
                for _ in range(short.horizon):
                    for law, key, shape in recorded.asked:
                        getattr(noise, law)(key, *shape)
                    noise.advance()

        return draw if noise_alone else lambda: evaluate(policy, short, [evaluation], lambda done, total: None)

    return make


def multiply_by(product: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor], *sizes: int) -> Call:
    """An affine map of that many rows, inputs and outputs."""
    rows, inputs, outputs = sizes
    numbers = torch.Generator().manual_seed(SEED)
    shapes = ((outputs,), (rows, inputs), (inputs, outputs))
    arguments = [torch.randn(*shape, generator=numbers) for shape in shapes]
    return lambda: product(*arguments)


def list_rows() -> Iterator[Row]:
    """All rows."""
    for sizes in ((52, 128, 256), (1024, 256, 1024)):
        kinds = {"torch": torch.addmm, "products.py": multiply_and_add}
        ways = {name: partial(multiply_by, kind, *sizes) for name, kind in kinds.items()}
        yield Row(f"affine map, {' x '.join(map(str, sizes))}", "call", 1, ways)
    swg, cep, ddice, idql = (get_method(name)() for name in ("swg", "cep", "ddice", "idql"))
    few = replace(cep, support_states=4096)  # pyright: ignore[reportArgumentType]

    def of(method: Method, name: str) -> Callable[[Setup], Trained]:
        return lambda setup: method.components(setup)[name]  # pyright: ignore[reportReturnType]

    steps = {
        "joint denoiser step, 1024": (of(swg, "denoiser"), 1),
        "behaviour denoiser step, 1024": (of(idql, "denoiser"), 1),
        "critic step, 256": (lambda setup: setup.critic(), 1),
        "critic step, 256, five seeds": (lambda setup: setup.critic(), 5),
        "CEP energy step, 256 x 16": (of(few, "guidance"), 1),
        "DICE guidance step, 512 x 16": (of(ddice, "guidance"), 1),
    }
    for name, (find, seeds) in steps.items():
        yield Row(name, "step", seeds, {p: train(find, seeds, p) for p in ("fp32", "bf16")})
    for label, method in (("SWG", swg), ("CEP", few)):
        for states in (1, 20, 256):
            ways = {"modules": act(method, states, True), "prepared": act(method, states, False)}
            ways["bf16"] = act(method, states, False, round_sampling)
            if states == 1 and shutil.which("g++") is not None:
                ways["compiled"] = act(method, states, True, compiled=True)
            yield Row(f"{label} guided action, {states} states", "call", 1, ways)
    many = {"modules": act(idql, 20, True), "prepared": act(idql, 20, False)}
    many["bf16"] = act(idql, 20, False, round_sampling)
    yield Row("IDQL action, 20 states x 64 candidates", "call", 1, many)
    support = {"fp32": draw_support("fp32"), "bf16": draw_support("bf16")}
    yield Row("support actions, 16 at a state", "state", 1024, support)
    for count, episodes in ((2, 20), (7, 5), (7, 20), (7, 52), (7, 256)):
        ways = {
            "a rollout each": roll_out(count, episodes, False),
            "one rollout": roll_out(count, episodes, True),
        }
        yield Row(f"{count} scales x {episodes} episodes x 10 steps", "rollout", 1, ways)
    for name in ("unguided", "idql", "swg"):
        ways = {"all of it": roll_out_quick(name, False), "its noise": roll_out_quick(name, True)}
        yield Row(f"{name} at quick, 50 episodes x 100 steps", "rollout", 1, ways)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts of names, with commas")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator, parts = random.Random(SEED), options.only.lower().split(",")
    rows = [row for row in list_rows() if any(part in row.name.lower() for part in parts)]
    if not rows:
        parser.error(
            f"no row has {options.only!r} in its name; there are: {'; '.join(r.name for r in list_rows())}"
        )
    limits = {"fp32": measure_limit(torch.float32), "bf16": measure_limit(torch.bfloat16)}
    lines: list[tuple[str, ...]] = []
    found: dict[str, Any] = {"limits": limits}
    for row in rows:
        measured = measure(row, generator)
        lines += format_row(row, measured, limits)
        found[row.name] = {name: vars(each) for name, each in measured.items()}
        print(f"{row.name}: {', '.join(line[2] for line in lines[-len(measured) :])}", file=sys.stderr, flush=True)
    header = ("work", "way", "rate", "CPU ms", "wall ms", "times the first", "share of the limit")
    print(format_markdown_table(Table(header, tuple(lines), words=2)))
    print(
        f"\nLimits of one core: {limits['fp32'] / 1e9:.0f} (fp32) and {limits['bf16'] / 1e9:.0f} (bf16) GFLOP/s."
    )
    if options.json is not None:
        write_atomically(options.json, json.dumps(found, indent=1).encode())


if __name__ == "__main__":
    main()
