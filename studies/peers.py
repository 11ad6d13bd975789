"""CPU time of our training steps and actions beside those of other repositories, in one process, in turns.

    .venv/bin/python studies/peers.py --checkouts FOLDER                   every row whose checkout is there
    .venv/bin/python studies/peers.py --checkouts FOLDER --only critic     rows whose names contain it

FOLDER holds clones under their repositories' names: CORL (tinkoff-ai, 6afec90), SWG-JAX (atagle123, e312c4f),
CEP-energy-guided-diffusion (ChenDRAG, 4cc0622), CleanDiffuser (CleanDiffuserTeam, 05f17fc). Further packages: jax,
flax, optax and distrax for SWG-JAX; einops for CleanDiffuser. What they import and these functions do not need
(d4rl, gym, wandb, ...) is an empty module here; their mathematics is untouched.

Ours has the sizes, the network and the solver of the peer in each row: 17 observations, 6 actions, one seed. JAX
compiles before it is timed. The ratio is the peer's CPU time by ours.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from authors import make_agent
from checkouts import load, pass_over
from speed import ACTIONS, OBSERVATIONS, SEED, make_data, train
from speed import act as act_ours
from turns import Call, Measured, Row, measure

from foundation.files import write_atomically
from methods import get_method
from methods.core.setup import Setup
from methods.diffusion.sampler import SamplerConfig
from reports.render.document import Table, format_markdown_table

CORL, CEP, CLEAN, SWG = "CORL", "CEP-energy-guided-diffusion", "CleanDiffuser", "SWG-JAX"
COMMITS = {CORL: "6afec90", SWG: "e312c4f", CEP: "4cc0622", CLEAN: "05f17fc"}
BATCH, LARGE, SUPPORT, CANDIDATES = 256, 1024, 16, 64
SHORT = (  # what README has
    ("IQL critic step, 256", CORL),
    ("joint denoiser step, 1024", SWG),
    ("CEP energy step, 256 x 16", CEP),
    ("SWG guided action, 1 state", SWG),
    ("SWG guided action, 20 states", SWG),
    ("IDQL action, 20 x 64 candidates", CLEAN),
)


def make_corl_critic(folder: Path) -> Call:
    """CORL's IQL without its policy: value and Q steps, and the target, on a batch from its buffer."""
    pass_over("d4rl", "gym", "wandb")
    sys.modules["pyrallis"] = shim = ModuleType("pyrallis")
    shim.wrap = lambda: lambda function: function  # pyright: ignore[reportAttributeAccessIssue]
    iql = load(folder / CORL / "algorithms" / "offline", "iql")
    q, v = iql.TwinQ(OBSERVATIONS, ACTIONS), iql.ValueFunction(OBSERVATIONS)
    actor = iql.GaussianPolicy(OBSERVATIONS, ACTIONS, 1.0)
    optimizers = [torch.optim.Adam(module.parameters(), lr=3e-4) for module in (actor, q, v)]
    trainer = iql.ImplicitQLearning(1.0, actor, optimizers[0], q, optimizers[1], v, optimizers[2])
    data = make_data()
    buffer = iql.ReplayBuffer(OBSERVATIONS, ACTIONS, len(data), "cpu")
    buffer.load_d4rl_dataset(
        {name: getattr(data, name).numpy() for name in ("observations", "actions", "rewards", "next_observations")}
        | {"terminals": data.terminals.numpy()}
    )

    @torch.enable_grad()
    def step() -> None:
        states, actions, rewards, next_states, ends = buffer.sample(BATCH)
        with torch.no_grad():
            next_v = v(next_states)
        trainer._update_v(states, actions, {})
        trainer._update_q(next_v, states, actions, rewards.squeeze(-1), ends.squeeze(-1), {})

    return step


def make_cep_model(folder: Path, scale: float = 1.0) -> tuple[Any, Any]:
    """CEP's score network with its critic and energy, and the module of its loss."""
    pass_over("gym", "d4rl", "tensorboard", "tensorboard.backend.event_processing")
    root = folder / CEP / "Offline_RL_2D"
    model, schedule = load(root, "diffusion_SDE.model"), load(root, "diffusion_SDE.schedule")
    given = SimpleNamespace(device="cpu", alpha=3.0, q_alpha=3.0, method="CEP")
    spread = schedule.marginal_prob_std = partial(schedule.marginal_prob_std, device="cpu")  # cuda is the default
    network = model.ScoreNet(OBSERVATIONS + ACTIONS, ACTIONS, spread, args=given)
    network.q[0].guidance_scale = scale
    return network, load(root, "diffusion_SDE.loss")


def make_cep_denoiser(folder: Path) -> Call:
    """A step of CEP's behaviour model."""
    network, loss = make_cep_model(folder)
    optimizer, data = torch.optim.Adam(network.parameters(), lr=1e-4), make_data()

    @torch.enable_grad()
    def step() -> None:
        rows = torch.randint(len(data), (LARGE,))
        network.condition = data.observations[rows]
        found = loss.loss_fn(network, data.actions[rows], network.marginal_prob_std)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()

    return step


def make_cep_energy(folder: Path) -> Call:
    """A step of CEP's energy on 16 support actions of 256 states."""
    network, _ = make_cep_model(folder)
    data, support = make_data(), torch.randn(4096, SUPPORT, ACTIONS).tanh()

    @torch.enable_grad()
    def step() -> None:
        rows = torch.randint(len(support), (BATCH,))
        chosen = {"s": data.observations[rows], "a": data.actions[rows], "fake_a": support[rows]}
        network.q[0].update_qt(chosen)

    return step


def make_cep_action(states: int, folder: Path) -> Call:
    """CEP's actions at that many states: DPM-Solver of second order, 15 evaluations."""
    network, _ = make_cep_model(folder)
    given = np.random.default_rng(SEED).standard_normal((states, OBSERVATIONS)).astype(np.float32)
    return lambda: network.select_actions(given)


def make_swg_agent(folder: Path) -> tuple[Any, Any]:
    """SWG's agent by its authors' configuration for locomotion, and JAX."""
    import jax

    return make_agent(folder / SWG, SEED, OBSERVATIONS, ACTIONS, value_layer_norm=False), jax


def make_swg_step(part: str, batch: int, folder: Path) -> Call:
    """A step of SWG-JAX, `critic_update` or `actor_update`, on a batch drawn by numpy."""
    agent, jax = make_swg_agent(folder)
    data, generator = make_data(), np.random.default_rng(SEED)
    arrays = {name: getattr(data, name).numpy() for name in ("observations", "actions", "rewards")}
    arrays |= {"next_observations": data.next_observations.numpy(), "masks": 1 - data.terminals.numpy()}
    arrays["action_weight"] = np.concatenate([arrays["actions"], np.ones((len(data), 1), np.float32)], axis=1)
    state = [agent]

    def step() -> None:
        rows = generator.integers(len(data), size=batch)
        new, _ = getattr(state[0], part)({name: array[rows] for name, array in arrays.items()})
        state[0] = jax.block_until_ready(new)

    return step


def make_swg_action(states: int, folder: Path) -> Call:
    """SWG-JAX's guided sampler at that many states, as one jitted batch."""
    agent, jax = make_swg_agent(folder)
    sampler = load(folder / SWG, "src.models.diffusion_model").ddpm_sampler_swg
    given = jax.numpy.asarray(np.random.default_rng(SEED).standard_normal((states, OBSERVATIONS)), np.float32)
    schedule = (agent.alphas, agent.alpha_hats, agent.betas)
    limits = {"max_weight_clip": 1.0, "min_weight_clip": 1e-4}
    rest = {"temperature": 1.0, "repeat_last_step": 0, "clip_denoised": True, "guidance_scale": 5.0}

    def call() -> None:
        params, key = agent.target_score_model.params, jax.random.PRNGKey(SEED)
        found = sampler(
            agent.score_model.apply_fn, params, 15, key, ACTIONS + 1, given, *schedule, **rest, **limits
        )
        jax.block_until_ready(found)

    return call


def make_clean_action(states: int, folder: Path) -> Call:
    """CleanDiffuser's IDQL at that many states with 64 candidates, its pipeline's loop without an environment."""
    pass_over("gym", "d4rl", "torchvision", "zarr", "numcodecs", "robomimic")
    root = folder / CLEAN
    sde = load(root, "cleandiffuser.diffusion").DiscreteDiffusionSDE
    network = load(root, "cleandiffuser.nn_diffusion").IDQLMlp
    condition, tools = load(root, "cleandiffuser.nn_condition"), load(root, "cleandiffuser.utils")
    ones = torch.ones(1, ACTIONS)
    actor = sde(
        network(OBSERVATIONS, ACTIONS, 64, 256, 3, 0.1, "positional"),
        condition.IdentityCondition(dropout=0.0),
        predict_noise=True,
        x_max=ones,
        x_min=-ones,
        diffusion_steps=15,
        device="cpu",
    )
    actor.eval()
    q, v = tools.IDQLQNet(OBSERVATIONS, ACTIONS), tools.IDQLVNet(OBSERVATIONS)
    given = torch.randn(states, OBSERVATIONS)

    def call() -> None:
        repeated = given.unsqueeze(1).repeat(1, CANDIDATES, 1).view(-1, OBSERVATIONS)
        prior = torch.zeros(len(repeated), ACTIONS)
        settings = {"solver": "ddpm", "sample_steps": 15, "w_cfg": 1.0, "use_ema": True, "temperature": 0.5}
        actions, _ = actor.sample(prior, n_samples=len(repeated), condition_cfg=repeated, **settings)
        with torch.no_grad():
            advantage = (q(repeated, actions) - v(repeated)).view(-1, CANDIDATES)
            torch.multinomial(torch.softmax(advantage * 3.0, 1), 1)

    return call


def as_cep(setup: Setup) -> Setup:
    """The setup with the network, the levels and the solver of CEP's code."""
    denoiser = replace(setup.denoiser, network="u-shaped", dropout=0.0, activation="silu", levels=1000)
    denoiser = replace(denoiser, schedule="vp-linear", ema=None, decay_steps=None, batch_size=LARGE)
    return replace(
        setup, denoiser=denoiser, sampler=SamplerConfig(solver="dpm++-singlestep", steps=15, clip="none")
    )


def list_rows(folder: Path) -> Iterator[Row]:
    """Rows, ours first, with the peers whose checkouts are in the folder."""
    swg, cep, idql = (get_method(name)() for name in ("swg", "cep", "idql"))
    few = replace(cep, support_states=4096)  # pyright: ignore[reportArgumentType]

    def find(method: Any, name: str, change: Callable[[Setup], Setup] = lambda setup: setup) -> Any:
        return lambda setup: method.components(change(setup))[name]

    def compare(
        name: str, unit: str, ours: Callable[[], Call], peers: Mapping[str, Callable[[Path], Call]]
    ) -> Row:
        there = {peer: partial(make, folder) for peer, make in peers.items() if (folder / peer).is_dir()}
        return Row(name, unit, 1, {"ours": ours, **there})

    yield compare(
        "IQL critic step, 256",
        "step",
        train(lambda setup: setup.critic(), 1, "fp32"),
        {CORL: make_corl_critic, SWG: partial(make_swg_step, "critic_update", BATCH)},
    )
    joint = train(find(swg, "denoiser"), 1, "fp32")
    yield compare("joint denoiser step, 1024", "step", joint, {SWG: partial(make_swg_step, "actor_update", LARGE)})
    behaviour = train(find(cep, "denoiser", as_cep), 1, "fp32")
    yield compare("CEP's behaviour step, 1024", "step", behaviour, {CEP: make_cep_denoiser})
    energy = train(find(few, "guidance"), 1, "fp32")
    yield compare("CEP energy step, 256 x 16", "step", energy, {CEP: make_cep_energy})
    for states in (1, 20, 256):
        name = f"SWG guided action, {states} state{'s' if states > 1 else ''}"
        yield compare(name, "call", act_ours(swg, states, False), {SWG: partial(make_swg_action, states)})
    for states in (1, 20, 256):
        name = f"CEP guided action, {states} state{'s' if states > 1 else ''}"
        yield compare(name, "call", act_ours(few, states, False, as_cep), {CEP: partial(make_cep_action, states)})
    many = {CLEAN: partial(make_clean_action, 20)}
    yield compare("IDQL action, 20 x 64 candidates", "call", act_ours(idql, 20, False), many)


def format_row(row: Row, measured: Mapping[str, Measured]) -> Iterator[tuple[str, ...]]:
    """A line for each peer: both rates, and how many times as fast ours is."""
    ours = measured["ours"]
    for name, each in measured.items():
        if name != "ours":
            low, middle, high = np.percentile([1 / ratio for ratio in each.ratios], [5, 50, 95])
            rates = (f"{1 / ours.cpu:.3g} /s", f"{1 / each.cpu:.3g} /s")
            peer = f"{name} {COMMITS[name]}"
            yield row.name, peer, *rates, f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkouts", type=Path, required=True, help="the folder with the clones")
    parser.add_argument("--only", default="", help="parts of names, with commas")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    options = parser.parse_args()
    missing = [f"{name} ({commit})" for name, commit in COMMITS.items() if not (options.checkouts / name).is_dir()]
    if missing:
        print(f"not in {options.checkouts}: {', '.join(missing)}", file=sys.stderr)
    torch.set_num_threads(1)
    generator, parts = random.Random(SEED), options.only.lower().split(",")
    lines: list[tuple[str, ...]] = []
    found: dict[str, Any] = {}
    for row in list_rows(options.checkouts):
        if len(row.ways) > 1 and any(part in row.name.lower() for part in parts):
            measured = measure(row, generator)
            lines += format_row(row, measured)
            found[row.name] = {name: vars(each) for name, each in measured.items()}
            print(lines[-1], file=sys.stderr, flush=True)
    header = ("work", "peer", "ours", "the peer", "times as fast")
    print("\n" + format_markdown_table(Table(header, tuple(lines), words=2)))  # after what the peers print
    short = [line for line in lines if any(line[0] == name and line[1].startswith(peer) for name, peer in SHORT)]
    print("\n" + format_markdown_table(Table(header, tuple(short), words=2)))
    if options.json is not None:
        write_atomically(options.json, json.dumps(found, indent=1).encode())


if __name__ == "__main__":
    main()
