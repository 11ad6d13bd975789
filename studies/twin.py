"""SWG and IDQL a second time, on the authors' libraries: jax, flax and optax. Nothing of this project is used.

Networks, losses, optimisers and samplers follow SWG-JAX (e312c4f) and IDQL (7582571), with their initial weights
and order of steps, at the reduced budget of the calibration. `calibration.py` trains and plays them.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

CRITIC_STEPS, DENOISER_STEPS, BATCH, CHUNK = 60_000, 25_000, 256, 500
LEVELS = {"joint": 15, "behaviour": 5}
EXPECTILE, DISCOUNT, POLYAK, EMA = 0.7, 0.99, 0.005, 0.001
FIELDS = ("observations", "actions", "rewards", "next_observations", "terminals")
LOW, HIGH = 1e-4, 1.0  # the clip of SWG's weight
LAYER_NORM = 1e-6  # flax's ε

dense = partial(nn.Dense, kernel_init=nn.initializers.xavier_uniform())


class Perceptron(nn.Module):
    """Two hidden layers of 256 with ReLU and one output; V has a LayerNorm on its input."""

    normalise: bool = False

    @nn.compact
    def __call__(self, x):
        x = nn.LayerNorm(LAYER_NORM)(x) if self.normalise else x
        x = nn.relu(dense(256)(x))
        x = nn.relu(dense(256)(x))
        return dense(1)(x)[..., 0]


class Denoiser(nn.Module):
    """IDQL's residual network; with `weight` a head on the second block predicts one more channel (SWG)."""

    channels: int
    weight: bool

    @nn.compact
    def __call__(self, s, z, level, training=False):
        kernel = self.param("frequencies", nn.initializers.normal(0.2), (64, 1))
        angle = 2 * jnp.pi * level @ kernel.T
        embedded = dense(256)(nn.swish(dense(256)(jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], -1))))
        x = dense(256)(jnp.concatenate([z, s, embedded], -1))
        second = x
        for block in range(3):
            inner = nn.LayerNorm(LAYER_NORM)(nn.Dropout(0.1)(x, deterministic=not training))
            x = x + nn.Dense(256)(nn.swish(nn.Dense(1024)(inner)))
            second = x if block == 1 else second
        noise = dense(self.channels)(nn.swish(x))
        if not self.weight:
            return noise
        return jnp.concatenate([noise, dense(1)(nn.swish(dense(256)(second)))], -1)


Q, V = Perceptron(), Perceptron(normalise=True)


def fit(step: Callable, state: Any, key: jax.Array, steps: int, name: str) -> Any:
    """`steps` updates state ← step(state, key), a chunk of them in one compiled call."""
    chunk = jax.jit(lambda state, keys: jax.lax.scan(lambda s, k: (step(s, k), None), state, keys)[0])
    began = time.time()
    for done in range(0, steps, CHUNK):
        key, part = jax.random.split(key)
        state = jax.block_until_ready(chunk(state, jax.random.split(part, CHUNK)))
        if done % 5000 == 0:
            print(f"  {name}: {done + CHUNK} of {steps} steps in {time.time() - began:.0f} s", flush=True)
    return state


def twin(params: Any, s: jax.Array, a: jax.Array) -> jax.Array:
    """Both action values, (2, batch)."""
    return jax.vmap(lambda p: Q.apply(p, jnp.concatenate([s, a], -1)))(params)


def critic(data: dict, seed: int) -> dict:
    """IQL: V on the smaller target Q by the expectile loss, Q on the V just moved, then the target."""
    first, second, third, key = jax.random.split(jax.random.PRNGKey(seed), 4)
    s, a = data["observations"][:1], data["actions"][:1]
    q = jax.vmap(lambda k: Q.init(k, jnp.concatenate([s, a], -1)))(jnp.stack([first, second]))
    v = V.init(third, s)
    adam = optax.adam(3e-4)

    def step(state, key):
        q, target, v, q_moments, v_moments = state
        rows = jax.random.randint(key, (BATCH,), 0, len(data["rewards"]))
        s, a, r, after, end = (data[name][rows] for name in FIELDS)
        best = twin(target, s, a).min(0)

        def v_loss(v):
            u = best - V.apply(v, s)
            return (jnp.where(u > 0, EXPECTILE, 1 - EXPECTILE) * u**2).mean()

        move, v_moments = adam.update(jax.grad(v_loss)(v), v_moments)
        v = optax.apply_updates(v, move)
        aim = r + DISCOUNT * (1 - end) * V.apply(v, after)
        move, q_moments = adam.update(jax.grad(lambda q: ((twin(q, s, a) - aim) ** 2).mean())(q), q_moments)
        q = optax.apply_updates(q, move)
        return q, optax.incremental_update(q, target, POLYAK), v, q_moments, v_moments

    state = (q, q, v, adam.init(q), adam.init(v))
    _, target, v, *_ = fit(step, state, key, CRITIC_STEPS, f"critic {seed}")
    return {"q": target, "v": v}


def schedule(levels: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """β, α and ᾱ of the discrete VP schedule, b_min 0.1 and b_max 10."""
    t = jnp.arange(1, levels + 1)
    alpha = jnp.exp(-0.1 / levels - 0.5 * 9.9 * (2 * t - 1) / levels**2)
    return 1 - alpha, alpha, jnp.cumprod(alpha)


def weights(data: dict, critic: dict) -> jax.Array:
    """SWG's hard expectile weights of every transition, (n, 1)."""
    s, a = data["observations"], data["actions"]
    advantage = twin(critic["q"], s, a).min(0) - V.apply(critic["v"], s)
    return jnp.where(advantage > 0, EXPECTILE, 1 - EXPECTILE)[:, None]


def denoiser(data: dict, channels: jax.Array, joint: bool, seed: int) -> Any:
    """Noise prediction over all channels; returns the moving average of the parameters."""
    first, key = jax.random.split(jax.random.PRNGKey(1000 + seed))
    width = channels.shape[1]
    levels = LEVELS["joint" if joint else "behaviour"]
    network = Denoiser(width - joint, joint)
    params = network.init(first, data["observations"][:1], channels[:1], jnp.zeros((1, 1)))
    adamw = optax.adamw(optax.cosine_decay_schedule(3e-4, 3_000_000), weight_decay=1e-4)
    kept = schedule(levels)[2]

    def step(state, key):
        params, average, moments = state
        k_rows, k_level, k_noise, k_drop = jax.random.split(key, 4)
        rows = jax.random.randint(k_rows, (BATCH,), 0, len(channels))
        level = jax.random.randint(k_level, (BATCH, 1), 0, levels)
        noise = jax.random.normal(k_noise, (BATCH, width))
        z = jnp.sqrt(kept[level]) * channels[rows] + jnp.sqrt(1 - kept[level]) * noise

        def loss(params):
            out = network.apply(params, data["observations"][rows], z, level, True, rngs={"dropout": k_drop})
            return ((out - noise) ** 2).sum(-1).mean()

        move, moments = adamw.update(jax.grad(loss)(params), moments, params)
        params = optax.apply_updates(params, move)
        return params, optax.incremental_update(params, average, EMA), moments

    name = f"{'joint' if joint else 'behaviour'} {seed}"
    return fit(step, (params, params, adamw.init(params)), key, DENOISER_STEPS, name)[1]


@jax.jit
def swg_action(params: Any, rho: jax.Array, s: jax.Array, key: jax.Array) -> jax.Array:
    """SWG at temperature 0: from the zero vector, no noise, ŵ_0 by √α_t as in the authors' code."""
    beta, alpha, kept = schedule(LEVELS["joint"])
    network = Denoiser(3, True)
    z = jnp.zeros((len(s), 4))
    for t in reversed(range(LEVELS["joint"])):
        level, sigma = jnp.full((len(s), 1), t), jnp.sqrt(1 - kept[t])

        def log_weight(z, level=level, sigma=sigma, t=t):
            noise = network.apply(params, s, z, level)
            clean = (z[:, -1] - sigma * noise[:, -1]) / jnp.sqrt(alpha[t])
            return jnp.log(jnp.clip(clean, LOW, HIGH)).sum(), noise

        gradient, noise = jax.grad(log_weight, has_aux=True)(z)
        noise = noise - rho * sigma * jnp.nan_to_num(gradient)
        z = (z - beta[t] / sigma * noise) / jnp.sqrt(alpha[t])
        z = jnp.concatenate([z[:, :-1].clip(-1, 1), z[:, -1:].clip(LOW, HIGH)], -1)
    return z[:, :-1]


@partial(jax.jit, static_argnums=2)
def idql_action(params: Any, q: Any, candidates: int, s: jax.Array, key: jax.Array) -> jax.Array:
    """The best of the candidates of DDPM, clipped at every step, by the smaller target Q."""
    beta, alpha, kept = schedule(LEVELS["behaviour"])
    states = jnp.repeat(s, candidates, 0)
    key, part = jax.random.split(key)
    x = jax.random.normal(part, (len(states), 3))
    for t in reversed(range(LEVELS["behaviour"])):
        noise = Denoiser(3, False).apply(params, states, x, jnp.full((len(states), 1), t))
        x = (x - beta[t] / jnp.sqrt(1 - kept[t]) * noise) / jnp.sqrt(alpha[t])
        key, part = jax.random.split(key)
        x = (x + (t > 0) * jnp.sqrt(beta[t]) * jax.random.normal(part, x.shape)).clip(-1, 1)
    best = twin(q, states, x).min(0).reshape(len(s), candidates).argmax(1)
    return x.reshape(len(s), candidates, 3)[jnp.arange(len(s)), best]
