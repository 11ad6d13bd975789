"""What waits for a GPU, measured in pieces that resume; docs/studies/gpu.md says what each figure decides.

    .venv/bin/python studies/gpu.py                              all pieces, at most 25 minutes
    .venv/bin/python studies/gpu.py --only training,inference    pieces by name
    .venv/bin/python studies/gpu.py --tiny --device cpu --json build/tiny.json    the script itself, in a minute

Every row is written to the file as soon as it is measured, and skipped by the next call; a piece that has used up
its seconds leaves the rest of its rows to that call. Sizes are the papers' on a task of locomotion, weights and
data random: they cost as much as others.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor, nn

import bench
from bench.config.presets import PRESETS
from bench.config.spec import Config, replace_dotted
from bench.runner.data import make_setup
from bench.runner.machine import describe_machine
from foundation.files import write_atomically
from methods import Data, Method, SeedStreams, Setup, SlotPolicy, Step, Trained, get_method, method_names
from methods.diffusion.keyed_noise import KeyedNoise
from reports.render.document import Table, format_markdown_table
from suites import get_tasks
from training import fit
from training.capture import find_recorder
from training.checkpoint import TrainingState
from training.steps import WARM_UP, CapturedSteps, EagerSteps, Steps

ROOT = Path(__file__).resolve().parent.parent
SEEDS, BATCHES = (1, 5, 10), (1, 20, 256)
FEW_STATES = 4096  # of CEP's support, whose number no step depends on
AT_ONCE = 20  # steps or calls between two looks at the clock
Row = dict[str, Any]


class OutOfTime(Exception):
    """Raised by the progress callback of a training that was measured for long enough."""


@dataclass(frozen=True)
class Study:
    """What is measured, and where.

    Attributes:
        device: that trains and acts.
        tiny: whether sizes are those of the preset `smoke`, to try the script.
        seconds: of each piece, after which it begins no further row.
        found: piece → row → figures, of this call and those before.
    """

    device: torch.device
    tiny: bool
    seconds: float
    found: dict[str, dict[str, Row]] = field(default_factory=dict)

    @property
    def slice(self) -> float:
        """Seconds for which one rate is measured."""
        return 0.05 if self.tiny else 2.0

    @property
    def config(self) -> Config:
        """The papers' sizes, or tiny ones."""
        sizes = PRESETS["smoke" if self.tiny else "paper"]
        shared = ("critic.", "denoiser.", "guidance_net.")
        return replace_dotted(Config(), {k: v for k, v in sizes.items() if k.startswith(shared)})

    def setup(self, precision: str = "fp32") -> Setup:
        """What methods share."""
        (task,) = get_tasks("locomotion", ["halfcheetah-medium-v2"])
        names = ("critic.precision", "denoiser.precision", "guidance_net.precision")
        config = replace_dotted(self.config, dict.fromkeys(names, precision))
        ones = (1.0,) * task.action_dim
        return make_setup(task, config, tuple(-one for one in ones), ones)

    def data(self) -> Data:
        """Random transitions."""
        setup, count = self.setup(), 2_000 if self.tiny else 200_000
        streams = SeedStreams([0], "data", self.device)
        states, following = (streams.normal(count, setup.observation_dim)[0] for _ in range(2))
        actions, rewards = streams.normal(count, setup.action_dim)[0].tanh(), streams.normal(count)[0]
        return Data(states, actions, rewards, following, torch.zeros_like(rewards))

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def list_components(setup: Setup) -> dict[str, Trained]:
    """One component of each kind that is trained, by its kind."""
    cep = replace(get_method("cep")(), support_states=FEW_STATES)  # pyright: ignore
    few = replace(setup.critic_config, support_states=FEW_STATES)
    others = [replace(setup, critic_config=replace(few, kind=kind)) for kind in ("in-support", "cql")]
    ddice = replace(get_method("ddice")(), candidates=2, select="ensemble")  # pyright: ignore
    methods = (get_method("swg")(), cep, ddice, get_method("mse")())
    found = [setup.critic(), setup.behaviour(), *(each.critic() for each in others)]
    found += [each.q_critic() for each in others]
    for component in (made for method in methods for made in method.components(setup).values()):
        found += [component, *component.upstream().values()]
    return {component.kind: component for component in found if isinstance(component, Trained)}


def begin(study: Study, component: Trained, seeds: int) -> EagerSteps:
    """The training of a component for that many seeds, at its beginning."""
    data, chosen = study.data(), tuple(range(seeds))
    models = {
        name: freeze(each.build(SeedStreams(chosen, name, study.device)))
        for name, each in component.upstream().items()
    }
    state = TrainingState(component, chosen, data)
    given = Step(data, models, state.noise)
    return EagerSteps(component, state, replace(given, precomputed=component.precompute(given)))


def freeze(model: Any) -> Any:
    """The model without gradients."""
    return model.requires_grad_(False) if isinstance(model, nn.Module) else model


def measure_rate(study: Study, steps: Steps, first: int = 0) -> float:
    """Steps per second, after those that a capture needs."""
    done = first
    for _ in range(WARM_UP + 2):
        steps.take(done)
        done += 1
    study.wait()
    begun, started = done, time.perf_counter()
    while time.perf_counter() - started < study.slice:
        for _ in range(AT_ONCE):
            steps.take(done)
            done += 1
        study.wait()
    return (done - begun) / (time.perf_counter() - started)


def measure_training(study: Study, kind: str, seeds: int, precision: str = "fp32") -> Row:
    """Steps/s of a component, eagerly and captured, and whether both give the same weights."""
    component = list_components(study.setup(precision))[kind]
    steps = begin(study, component, seeds)
    found: Row = {"eager steps/s": measure_rate(study, steps)}
    recorder = find_recorder(study.device)
    if recorder is None:
        return found
    captured = CapturedSteps(begin(study, component, seeds), recorder)
    plain = begin(study, component, seeds)
    for number in range(AT_ONCE):
        captured.take(number)
        plain.take(number)
    pairs = zip(captured.eager.state.module.parameters(), plain.state.module.parameters(), strict=True)
    found["same weights"] = all(torch.equal(a, b) for a, b in pairs)
    found["captured steps/s"] = measure_rate(study, captured, AT_ONCE)
    found["times"] = found["captured steps/s"] / found["eager steps/s"]
    return found | ({"why not captured": captured.failure} if captured.failure else {})


def list_training(study: Study) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Every kind of component, for 1, 5 and 10 seeds."""
    for seeds in SEEDS:
        for kind in list_components(study.setup()):
            yield f"{kind}, {seeds} seeds", lambda kind=kind, seeds=seeds: measure_training(study, kind, seeds)


def list_precision(study: Study) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Every kind of component in bf16 and in fp32, five seeds."""
    for kind in list_components(study.setup()):
        for precision in ("fp32", "bf16"):
            name = f"{kind}, {precision}"
            yield name, lambda kind=kind, bits=precision: measure_training(study, kind, 5, bits)


def list_paper(study: Study) -> Iterator[tuple[str, Callable[[], Row]]]:
    """The components of SWG at the preset `paper`, five seeds: a slice of their real training, and its whole."""
    for kind in ("critic", "joint"):
        yield f"{kind}, 5 seeds", lambda kind=kind: measure_slice(study, kind)


def measure_slice(study: Study, kind: str) -> Row:
    """Hours of a training, from some of its steps with all that belongs to them, and from steps/s alone."""
    component, seeds = list_components(study.setup())[kind], tuple(range(5))
    models = begin(study, component, len(seeds)).given.models
    marks: list[tuple[int, float]] = []

    def watch(done: int, total: int) -> None:
        marks.append((done, time.perf_counter()))
        if marks[-1][1] - marks[0][1] > 10 * study.slice:
            raise OutOfTime

    with contextlib.suppress(OutOfTime):
        fit(component, study.data(), models, seeds, watch)
    (first, begun), (last, ended) = marks[0], marks[-1]
    rate = (last - first) / (ended - begun)
    found: Row = {
        "steps": last - first,
        "steps/s": rate,
        "hours by the slice": component.steps / rate / 3600,
    }
    alone = study.found.get("training", {}).get(f"{kind}, 5 seeds", {})
    rates = [alone[name] for name in ("captured steps/s", "eager steps/s") if name in alone]
    return found | ({"hours by steps/s": component.steps / rates[0] / 3600} if rates else {})


def make_policy(study: Study, method: Method, compiled: bool) -> SlotPolicy:
    """A policy with the weights that its networks begin with; compiled, the networks of the modules are."""
    setup = replace(study.setup(), plain=compiled)
    streams, components = SeedStreams([0], "gpu", study.device), method.components(setup)
    built = {component: freeze(component.build(streams)) for component in dict.fromkeys(components.values())}
    for model in built.values() if compiled else ():
        if isinstance(model, nn.Module):
            getattr(model, "network", model).compile()
    policy = method.policy({name: built[component] for name, component in components.items()}, setup)
    assert isinstance(policy, SlotPolicy)
    return policy


def make_call(study: Study, method: Method, policy: SlotPolicy, batch: int) -> Callable[[], Tensor]:
    """The policy's action at that many states, with the noise of the next step at each call."""
    noise = KeyedNoise(0, "gpu", range(batch), study.device)
    states = SeedStreams([0], "states", study.device).normal(batch, study.setup().observation_dim)
    rho = torch.full((1, batch), method.rho.default if method.rho else 0.0, device=study.device)

    def call() -> Tensor:
        actions = policy.act(states, rho, noise)
        noise.advance()
        return actions

    return call


@torch.no_grad()
def measure_call(study: Study, name: str, batch: int, way: str) -> Row:
    """Milliseconds of a call, each waited for, and how far its actions are from those of the eager way."""
    method = get_method(name)()
    policy = make_policy(study, method, compiled=way == "compiled")
    if way == "eager":
        policy = replace(policy, recorder=None)
    call, started = make_call(study, method, policy, batch), time.perf_counter()
    first = [call() for _ in range(3)]
    study.wait()
    found: Row = {"seconds of the first three": time.perf_counter() - started}
    if way != "eager":
        plain = make_call(study, method, replace(make_policy(study, method, compiled=False), recorder=None), batch)
        found["largest difference"] = max(float((a - plain()).abs().max()) for a in first)
    taken: list[float] = []
    while sum(taken) < study.slice:
        begun = time.perf_counter()
        call()
        study.wait()
        taken.append(time.perf_counter() - begun)
    low, middle, high = (1000 * np.percentile(taken, [5, 50, 95])).tolist()
    return found | {"median ms": middle, "p5": low, "p95": high, "calls": len(taken)}


def list_inference(study: Study) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Every method at 1, 20 and 256 states; compiled last, since compiling takes longest."""
    names = method_names() if not study.tiny else ("swg", "idql")
    ways = ("eager", "captured", "compiled") if study.device.type == "cuda" else ("eager",)
    for way in ways:
        for name in names:
            for batch in BATCHES:
                shown = f"{name}, {batch} states, {way}"
                yield shown, lambda n=name, b=batch, w=way: measure_call(study, n, b, w)


def list_exactness(study: Study) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Distances to the exact law on 8gaussians, in floors; the run resumes where its time was not enough."""
    yield "8gaussians", lambda: run_exactness(study)


def run_exactness(study: Study) -> Row:
    """The mean multiple of the floor of every method at every β, or what the run expects to take."""
    place = ROOT / "results" / ("gpu-tiny" if study.tiny else "gpu")
    size = ["smoke", "1", "unguided,swg"] if study.tiny else ["paper", "3", "unguided,swg,cep,ddice,mse,dps"]
    chosen = ["--preset", size[0], "--seeds", size[1], "--methods", size[2], "--device", study.device.type]
    given = ["--suite", "toy", "--tasks", "8gaussians", "--results", str(place), *chosen]
    command = [sys.executable, "-m", "bench", "run", *given]
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=study.seconds, check=False
        )
        text, is_over = done.stdout + done.stderr, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        text, is_over = (late.stdout or b"").decode(), False
    said = [line.partition("expected time: ")[2] for line in text.splitlines()]
    expected = [words.partition(" (")[0] for words in said if words]
    found: Row = {"seconds": time.perf_counter() - started, "expected": expected[0] if expected else "–"}
    if not is_over:
        return found | {"unfinished": (text.strip().splitlines() or ["nothing was printed"])[-1]}
    rows = bench.load_results(place, by="episode")
    rows = rows[rows["inverse_temperature"] > 0]
    for method in dict.fromkeys(rows["method"]):
        for beta in dict.fromkeys(rows["inverse_temperature"]):
            cells = rows[(rows["method"] == method) & (rows["inverse_temperature"] == beta)]
            found[f"{method} β={beta:g}"] = float((cells["distance"] / cells["floor"]).mean())
    return found


PIECES: Mapping[str, Callable[[Study], Iterator[tuple[str, Callable[[], Row]]]]] = {
    "training": list_training,
    "paper": list_paper,
    "inference": list_inference,
    "precision": list_precision,
    "exactness": list_exactness,
}


def measure_piece(study: Study, name: str, keep: Callable[[], None]) -> None:
    """The rows of a piece that are open, at least one of them, until its seconds are over."""
    rows, started, measured = study.found.setdefault(name, {}), time.monotonic(), 0
    for row, measure in PIECES[name](study):
        if row in rows and "unfinished" not in rows[row]:
            continue
        if measured and time.monotonic() - started > study.seconds:
            print(f"{name}: no time for {row} and what follows; call again", file=sys.stderr)
            return
        rows[row] = measure()
        measured += 1
        keep()
        print(f"{name}: {row}: {describe(rows[row])}", file=sys.stderr, flush=True)


def describe(row: Row) -> str:
    """The figures of a row in one line."""
    return ", ".join(f"{name} {show(value)}" for name, value in row.items())


def show(value: Any) -> str:
    """A figure in few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_piece(name: str, rows: Mapping[str, Row]) -> str:
    """A piece as a Markdown table."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = tuple((row, *(show(found.get(c, "–")) for c in columns)) for row, found in rows.items())
    return format_markdown_table(Table((name, *columns), lines))


def main() -> None:
    """Measure what is open, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--only", default=",".join(PIECES), help=f"of {', '.join(PIECES)}")
    parser.add_argument("--json", type=Path, default=ROOT / "results" / "gpu.json", help="the file of the figures")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each piece")
    options = parser.parse_args()
    names = options.only.split(",")
    unknown = [name for name in names if name not in PIECES]
    if unknown:
        parser.error(f"unknown piece {unknown[0]!r}; choose among {', '.join(PIECES)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA GPU; --device cpu --tiny tries the script")
    device = torch.device(options.device)
    about = {**vars(describe_machine(device)), "torch": str(torch.__version__), "tiny": options.tiny}
    before = json.loads(options.json.read_text()) if options.json.is_file() else {"about": about, "pieces": {}}
    if before["about"] != about:
        parser.error(f"{options.json} is of {before['about']}, this is {about}; name another file with --json")
    study = Study(device, options.tiny, options.seconds, before["pieces"])

    def keep() -> None:
        write_atomically(options.json, json.dumps({"about": about, "pieces": study.found}, indent=1).encode())

    for name in names:
        measure_piece(study, name, keep)
    print("\n\n".join(format_piece(name, study.found[name]) for name in names if study.found[name]))


if __name__ == "__main__":
    main()
