"""What cannot be gone on from goes back one checkpoint, then to the start, in words; the result is the same."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from bench.storage.checkpoint import Checkpoint
from critics.config import CriticConfig
from critics.iql import IQL
from training import Data, fit
from training import loop as train
from training.loop import Fitted
from training.saved_state import seal

NUMBERS = torch.Generator().manual_seed(3)
ROWS = 40
DATA = Data(
    observations=torch.randn(ROWS, 3, generator=NUMBERS),
    actions=torch.rand(ROWS, 2, generator=NUMBERS) - 0.5,
    rewards=torch.randn(ROWS, generator=NUMBERS),
    next_observations=torch.randn(ROWS, 3, generator=NUMBERS),
    terminals=torch.zeros(ROWS),
)
SEEDS, STEPS, LAST = (0, 5), 20, 9
CRITIC = IQL(CriticConfig(width=8, steps=STEPS, batch_size=8), 3, 2)


class Killed(Exception):
    """What ends a process, as far as the training loop can tell."""


@dataclass
class Kept:
    """A training that was killed: its states after the steps 8 and 9 are kept.

    Attributes:
        file: where.
        said: what the user was told.
    """

    file: Checkpoint
    said: list[str] = field(default_factory=list)

    def resume(self, component: IQL = CRITIC, data: Data = DATA) -> tuple[int, Fitted]:
        """Train on; the steps that were taken and the result."""
        taken: list[int] = []
        fitted = fit(component, data, {}, SEEDS, lambda done, total: taken.append(done), self.file)
        assert taken[-1] == component.steps
        return taken[0] - 1, fitted


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is kept after each step, and each step is shown."""
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(train, "REPORT_EVERY", 1)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    said: list[str] = []
    file = Checkpoint(tmp_path / "components" / "checkpoint-ab.state", "critic-1234", said.append)

    def killed(done: int, total: int) -> None:
        if done > LAST:
            raise Killed

    with pytest.raises(Killed):
        fit(CRITIC, DATA, {}, SEEDS, killed, file)
    return Kept(file, said)


@pytest.fixture(scope="module")
def whole() -> Fitted:
    return fit(CRITIC, DATA, {}, SEEDS, silent)


def assert_same(found: Fitted, expected: Fitted) -> None:
    for name, tensor in expected.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[name], tensor), name
    assert found.losses == expected.losses
    for ours, theirs in zip(found.curve.rows, expected.curve.rows, strict=True):
        assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


def regions(content: bytes) -> dict[str, range]:
    """The parts of a file, of whose header and tensors the first 8 bytes are a length."""
    first = content.index(b"\n") + 1
    second = content.index(b"\n", first) + 1
    header = second + 8 + int.from_bytes(content[second : second + 8], "little")
    ends = [0, first, second, second + 8, header, len(content)]
    names = ("SHA-256", "JSON", "length of the header", "header", "tensors")
    return {name: range(*ends[place : place + 2]) for place, name in enumerate(names)}


def test_a_training_goes_on_from_its_file(kept: Kept, whole: Fitted):
    assert sorted(path.name for path in kept.file.path.parent.iterdir()) == [
        "checkpoint-ab.earlier",
        "checkpoint-ab.state",
    ]
    first, resumed = kept.resume()
    assert (first, kept.said) == (LAST, [])
    assert_same(resumed, whole)
    kept.file.remove()
    assert list(kept.file.path.parent.iterdir()) == []


@pytest.mark.parametrize("region", ["SHA-256", "JSON", "length of the header", "header", "tensors"])
def test_a_flipped_bit_goes_back_one_checkpoint(kept: Kept, whole: Fitted, region: str):
    content = bytearray(kept.file.path.read_bytes())
    chosen = random.Random(region)
    content[chosen.choice(regions(bytes(content))[region])] ^= 1 << chosen.randrange(8)
    kept.file.path.write_bytes(content)
    first, resumed = kept.resume()
    assert first == LAST - 1
    (said,) = kept.said
    assert f"checkpoint {str(kept.file.path)!r} is damaged: its SHA-256 is another" in said
    assert said.endswith("; the training of critic-1234 goes on from the one before, after step 8")
    assert_same(resumed, whole)


def rewrite(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Callable[[bytes], bytes]:
    """What gives a file whose SHA-256 is right its content changed."""

    def changed(content: bytes) -> bytes:
        _, line, arrays = content.split(b"\n", 2)
        about, tensors = json.loads(line), load(arrays)
        change(about, tensors)
        return seal(json.dumps(about).encode() + b"\n" + save(tensors))

    return changed


def narrow(about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors["module/twin_q.0.weight"] = tensors["module/twin_q.0.weight"][:, :-1].contiguous()


def widen(about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors["adam/loss/0/exp_avg"] = tensors["adam/loss/0/exp_avg"].double()


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", "is damaged"),
    "half": (lambda content: content[: len(content) // 2], "is damaged"),
    "object": (lambda content: seal(b"{}"), "is no saved state"),
    "list": (lambda content: seal(b"[]\n" + save({})), "is no saved state of this version"),
    "no JSON": (lambda content: seal(b"[" * 10**5 + b"\n" + save({})), "is no saved state"),
    "pickle": (lambda content: seal(b"\x80\x04N."), "is no saved state"),
    "beyond": (rewrite(lambda about, _: about.update(step=STEPS + 1)), "says that 21 of 20 steps are done"),
    "before": (rewrite(lambda about, _: about.update(step=0)), "says that 0 of 20 steps are done"),
    "true": (rewrite(lambda about, _: about.update(step=True)), "says that True of 20 steps are done"),
    "another step": (rewrite(lambda about, _: about.update(step=7)), "learning curve that is not of 7 steps"),
    "a seed less": (rewrite(lambda about, _: about["curve"]["rows"].pop()), "no learning curve of these seeds"),
    "rows": (rewrite(lambda about, _: about["curve"]["rows"][0].append("x")), "learning curve that is not of 9"),
    "curve": (rewrite(lambda about, _: about.update(curve=[])), "has no learning curve"),
    "shape": (rewrite(narrow), r"has module/twin_q.0.weight of shape \(2, 1, 5, 8\) .*, not \(2, 2, 5, 8\)"),
    "type": (rewrite(widen), "has adam/loss/0/exp_avg of shape .* and torch.float64, not .* torch.float32"),
    "missing": (rewrite(lambda _, tensors: tensors.__delitem__("smoothed")), "lacks smoothed"),
    "unknown": (rewrite(lambda _, tensors: tensors.update(x=torch.zeros(1))), "has the unknown x"),
    "half an optimiser": (rewrite(lambda _, t: t.__delitem__("adam/loss/0/step")), "lacks some of adam/loss/0"),
    "noise": (
        rewrite(lambda _, tensors: tensors["noise/0"].fill_(255)),
        "random numbers that none can be in",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_content_that_does_not_fit_goes_back_one_checkpoint_and_then_to_the_start(
    kept: Kept, whole: Fitted, name: str
):
    change, why = DAMAGE[name]
    good = kept.file.path.read_bytes(), kept.file.earlier.read_bytes()
    kept.file.path.write_bytes(change(good[0]))
    first, resumed = kept.resume()
    assert first == LAST - 1
    assert re.search(why, kept.said[0])
    assert_same(resumed, whole)
    kept.file.path.write_bytes(change(good[0]))
    kept.file.earlier.write_bytes(change(good[1]))
    first, resumed = kept.resume()
    assert first == 0
    assert kept.said[1].count("checkpoint '") == 2
    assert kept.said[1].endswith("; the training of critic-1234 begins at its start")
    assert_same(resumed, whole)


def test_a_state_of_another_training_is_not_gone_on_from(kept: Kept, whole: Fitted):
    """Same networks, same shapes: another component, data set or length of training."""
    content = kept.file.path.read_bytes()
    longer = replace(CRITIC, config=replace(CRITIC.config, steps=STEPS + 1))
    others = [
        (replace(kept.file, owner="critic-5678"), CRITIC, DATA, "component is 'critic-1234', not 'critic-5678'"),
        (kept.file, CRITIC, replace(DATA, key="other"), "data is '', not 'other'"),
        (kept.file, longer, DATA, "steps is 20, not 21"),
    ]
    for file, component, data, why in others:
        file.earlier.unlink(missing_ok=True)
        file.path.write_bytes(content)
        assert Kept(file).resume(component, data)[0] == 0
        assert (
            f"is of another training: its {why}; the training of {file.owner} begins at its start" in kept.said[-1]
        )


def test_a_refused_state_is_not_kept_as_the_one_before(kept: Kept):
    """Otherwise the next state would push out the last good one."""
    kept.file.path.write_bytes(b"damaged")

    def killed(done: int, total: int) -> None:
        if done > LAST:
            raise Killed

    with pytest.raises(Killed):
        fit(CRITIC, DATA, {}, SEEDS, killed, kept.file)
    kept.file.path.unlink()
    assert kept.resume()[0] == LAST - 1
    assert len(kept.said) == 1


def test_killed_between_the_two_renames_one_state_is_there(kept: Kept, whole: Fitted, monkeypatch):
    def killed(path: Path, content: bytes) -> None:
        raise Killed

    with monkeypatch.context() as context:
        context.setattr("bench.storage.checkpoint.write_atomically", killed)
        with pytest.raises(Killed):
            kept.resume()
    first, resumed = kept.resume()
    assert (first, kept.said) == (LAST, [])
    assert_same(resumed, whole)
