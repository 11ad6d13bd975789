"""The law that a sampler reaches with an affine denoiser, by recursion over its steps, without sampling.

Where ẑ_0 = G_k z + c_k at every level, every step is linear with Gaussian noise. The ancestral step is written
as Kalman's update of a_s ~ N(α_s a_0, σ_s²) on a_t = r a_s + noise, and its mean and covariance are followed.
The deterministic solvers are written as the exact flow in e^λ = α/σ,
    z_s/σ_s = z_t/σ_t + (e^{λ_s} - e^{λ_t}) D,
with D a constant or a line in λ read at the middle of the step, and z is followed as an affine map of the first
draw: a matrix with one more column, for what does not depend on it.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from methods.diffusion.schedule import Schedule

Answer = tuple[np.ndarray, np.ndarray]


def law_after(schedule: Schedule, solver: str, answers: Sequence[Answer]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d) of the sample.

    Args:
        schedule: its levels.
        solver: its name.
        answers: G (d, d) and c (d,) of every level, in the schedule's order.
    """
    if solver.startswith("ddpm"):
        return ancestral_law(schedule, answers, large=solver == "ddpm-large")
    z = flow_map(schedule, solver, answers)
    return z[:, -1], z[:, :-1] @ z[:, :-1].T


def ancestral_law(schedule: Schedule, answers: Sequence[Answer], large: bool) -> tuple[np.ndarray, np.ndarray]:
    """With the posterior's noise, or with that of the forward step, β_t = 1 - r², which is larger."""
    alpha, sigma = schedule.alpha.double().numpy(), schedule.sigma.double().numpy()
    eye = np.eye(len(answers[0][1]))
    mean, covariance = np.zeros(len(eye)), eye
    for t, s in itertools.pairwise(range(len(schedule) - 1, -1, -1)):
        ratio = alpha[t] / alpha[s]
        kalman = ratio * sigma[s] ** 2 / sigma[t] ** 2
        of_clean = alpha[s] - kalman * alpha[t]
        gain, constant = answers[t]
        step = kalman * eye + of_clean * gain
        mean = step @ mean + of_clean * constant
        noise = 1 - ratio**2 if large else sigma[s] ** 2 * (1 - kalman * ratio)
        covariance = step @ covariance @ step.T + noise * eye
    gain, constant = answers[0]
    return gain @ mean + constant, gain @ covariance @ gain.T


def flow_map(schedule: Schedule, solver: str, answers: Sequence[Answer]) -> np.ndarray:
    """(d, d + 1): the sample as an affine map of the first draw."""
    alpha, sigma = schedule.alpha.double().numpy(), schedule.sigma.double().numpy()
    growth = alpha / sigma
    place = np.log(growth)

    def clean(t: int, z: np.ndarray) -> np.ndarray:
        gain, constant = answers[t]
        answer = gain @ z
        answer[:, -1] += constant
        return answer

    size = len(answers[0][1])
    z = np.eye(size, size + 1)
    asked: list[tuple[int, np.ndarray, np.ndarray]] = []
    for t, s in itertools.pairwise(range(len(schedule) - 1, -1, -1)):
        asked.append((t, z, clean(t, z)))
        start, line = asked[-1], asked[-1:]
        if solver == "dpm++-multistep":
            line = asked[-2:]
        if solver == "dpm++-singlestep" and len(asked) % 2 == 0:
            start, line = asked[-2], asked[-2:]
        middle = (place[start[0]] + place[s]) / 2
        (first, _, one), (last, _, other) = line[0], line[-1]
        share = (middle - place[first]) / (place[last] - place[first]) if len(line) > 1 else 0.0
        direction = (1 - share) * one + share * other
        z = sigma[s] * (start[1] / sigma[start[0]] + (growth[s] - growth[start[0]]) * direction)
    return clean(0, z)
