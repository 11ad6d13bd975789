"""The authors' SWG-JAX (e312c4f) from a checkout: its agent, trained on our transitions, its sampler, its files.

Their modules do all the work; here stand the loop over batches, which `scripts/train.py` has with D4RL's data
sets, and the file that the parameters are written to. It needs jax, flax and optax.
"""

import io
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from checkouts import load, pass_over

from foundation.files import write_atomically

LEVELS, EXPECTILE = 15, 0.7
Arrays = Mapping[str, np.ndarray]
"""observations, actions, rewards, next_observations and terminals, one row for each transition, float32."""
_AT_ONCE = 8_192  # rows whose weights are computed together


def make_agent(folder: Path, seed: int, observations: int, actions: int, value_layer_norm: bool = True) -> Any:
    """SWG's agent by its authors' configuration for locomotion.

    Args:
        folder: the checkout.
        seed: of its parameters.
        observations, actions: sizes of the task.
        value_layer_norm: whether V has a LayerNorm on its input, as their configuration says.
    """
    import gymnasium

    pass_over("d4rl", "wandb")
    sys.modules["gym"] = gymnasium
    sys.modules["gym.spaces"] = gymnasium.spaces
    learner = load(folder, "src.agent.swg_agent").DDPMSWGLearner
    diffusion = {"time_emb": 128, "hidden_dim": 256, "num_blocks": 3, "use_layer_norm": True, "dropout_rate": 0.1}
    training = {"cosine_decay": True, "actor_lr": 3e-4, "critic_lr": 3e-4, "target_update": 0.005}
    configuration = SimpleNamespace(
        diffusion=SimpleNamespace(**diffusion, schedule="vp", n_timesteps=LEVELS),
        critic=SimpleNamespace(hidden_dim=256, n_hidden=2, value_layer_norm=value_layer_norm),
        train=SimpleNamespace(**training, discount=0.99, ema_update=0.001, critic_hyperparam=EXPECTILE),
    )
    box = gymnasium.spaces.Box
    return learner.create(
        seed, box(-1, 1, (observations,), np.float32), box(-1, 1, (actions,), np.float32), configuration
    )


def train_agent(folder: Path, data: Arrays, seed: int, steps: tuple[int, int], batch: int, out: Path) -> None:
    """Train one seed and write `critic.npz`, `value.npz` and, last, `denoiser.npz`; what is there stays.

    Batches are drawn uniformly with replacement from all transitions, where the authors' script leaves one in
    twenty out, another each time.

    Args:
        folder: the checkout.
        data: the transitions, rewards scaled.
        seed: of parameters, batches, noise and dropout.
        steps: of the critic and of the denoiser.
        batch: transitions in each of their steps.
        out: the folder of the files.
    """
    if (out / "denoiser.npz").exists():
        return
    agent = make_agent(folder, seed, data["observations"].shape[1], data["actions"].shape[1])
    generator = np.random.default_rng(seed)
    given = {name: data[name] for name in ("observations", "actions", "rewards", "next_observations")}
    given["masks"] = 1 - data["terminals"]
    if (out / "value.npz").exists():
        agent = restore_critic(agent, out)
    else:
        agent = repeat(agent, "critic_update", given, generator, steps[0], batch)
        save_tree(agent.target_critic.params, out / "critic.npz")
        save_tree(agent.value.params, out / "value.npz")
    weights = weigh(folder, agent, data)
    joint = {"observations": data["observations"], "action_weight": np.concatenate([data["actions"], weights], 1)}
    agent = repeat(agent, "actor_update", joint, np.random.default_rng([seed, 1]), steps[1], batch)
    save_tree(agent.target_score_model.params, out / "denoiser.npz")


def repeat(agent: Any, part: str, arrays: Arrays, generator: np.random.Generator, steps: int, batch: int) -> Any:
    """The agent after as many of its updates, `critic_update` or `actor_update`, on batches drawn by NumPy."""
    import jax

    began, rows = time.time(), len(next(iter(arrays.values())))
    for step in range(1, steps + 1):
        index = generator.integers(rows, size=batch)
        agent, _ = getattr(agent, part)({name: array[index] for name, array in arrays.items()})
        if step % 10_000 == 0 or step == steps:
            jax.block_until_ready((agent.target_critic.params, agent.target_score_model.params))
            print(f"  {part}: {step} of {steps} steps in {time.time() - began:.0f} s", flush=True)
    return agent


def weigh(folder: Path, agent: Any, data: Arrays) -> np.ndarray:
    """The authors' weights of all transitions by target Q and V, (n, 1)."""
    models = load(folder, "src.models.weights")
    found = []
    for first in range(0, len(data["rewards"]), _AT_ONCE):
        s, a = (data[name][first : first + _AT_ONCE] for name in ("observations", "actions"))
        q = agent.target_critic.apply_fn({"params": agent.target_critic.params}, s, a).min(axis=0)
        v = agent.value.apply_fn({"params": agent.value.params}, s)
        found.append(np.asarray(models.build_weights_fn(q, v, "expectile", EXPECTILE)))
    return np.concatenate(found)[:, None].astype(np.float32)


def act(folder: Path, params: Any, rho: float, states: np.ndarray, actions: int) -> np.ndarray:
    """Actions of the authors' sampler at temperature 0, with their evaluation's clips.

    Args:
        folder: the checkout.
        params: tree of the denoiser's parameters, without `params` above it.
        rho: guidance scale.
        states: (n, observation).
        actions: numbers in an action.
    """
    import jax

    agent = make_agent(folder, 0, states.shape[1], actions)
    sampler = load(folder, "src.models.diffusion_model").ddpm_sampler_swg
    schedule = (agent.alphas, agent.alpha_hats, agent.betas)
    limits = {"max_weight_clip": 1.0, "min_weight_clip": 1e-4}
    rest = {"temperature": 0.0, "repeat_last_step": 0, "clip_denoised": True, "guidance_scale": rho}
    apply, key = agent.score_model.apply_fn, jax.random.PRNGKey(0)
    found, _ = sampler(
        apply, params, LEVELS, key, actions + 1, jax.numpy.asarray(states), *schedule, **rest, **limits
    )
    return np.asarray(found)[:, :-1]


def save_tree(params: Any, file: Path) -> None:
    """Write flax's parameters by the paths of their tree, as `import-checkpoint` reads them."""
    from flax.traverse_util import flatten_dict

    arrays = {path: np.asarray(array) for path, array in flatten_dict(params, sep="/").items()}
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, packed.getvalue())


def read_tree(file: Path) -> Any:
    """The parameters that were written, as a tree."""
    from flax.traverse_util import unflatten_dict

    with np.load(file, allow_pickle=False) as archive:
        return unflatten_dict({path: archive[path] for path in archive.files}, sep="/")


def restore_critic(agent: Any, folder: Path) -> Any:
    """The agent with the critic that a stopped training had written."""
    q, v = (read_tree(folder / f"{name}.npz") for name in ("critic", "value"))
    return agent.replace(target_critic=agent.target_critic.replace(params=q), value=agent.value.replace(params=v))


def measure_steps(folder: Path, data: Arrays, batch: int) -> tuple[float, float]:
    """Seconds that a step of the critic and one of the denoiser take, of 50 after as many that compile."""
    agent = make_agent(folder, 0, data["observations"].shape[1], data["actions"].shape[1])
    weights = np.ones((len(data["rewards"]), 1), np.float32)
    given = {name: data[name] for name in ("observations", "actions", "rewards", "next_observations")}
    given |= {"masks": 1 - data["terminals"], "action_weight": np.concatenate([data["actions"], weights], 1)}
    taken = []
    for part in ("critic_update", "actor_update"):
        agent = repeat(agent, part, given, np.random.default_rng(0), 50, batch)
        began = time.perf_counter()
        agent = repeat(agent, part, given, np.random.default_rng(0), 50, batch)
        taken.append((time.perf_counter() - began) / 50)
    return taken[0], taken[1]
