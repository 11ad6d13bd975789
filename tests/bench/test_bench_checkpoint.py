"""A checkpoint that cannot be read and a training that diverged are named, not stored."""

from pathlib import Path

import pytest
import torch

from bench.runner.component_builder import Checkpoint
from critics.iql import IQL, CriticConfig
from foundation.errors import UserError
from training import Data, fit
from training import loop as train

NUMBERS = torch.Generator().manual_seed(3)
ROWS = 40
DATA = Data(
    observations=torch.randn(ROWS, 3, generator=NUMBERS),
    actions=torch.rand(ROWS, 2, generator=NUMBERS) - 0.5,
    rewards=torch.randn(ROWS, generator=NUMBERS),
    next_observations=torch.randn(ROWS, 3, generator=NUMBERS),
    terminals=torch.zeros(ROWS),
)
STEPS = 2 * train.REPORT_EVERY
CRITIC = IQL(CriticConfig(width=8, steps=STEPS, batch_size=8), 3, 2)


class Killed(Exception):
    """What ends a process, as far as the training loop can tell."""


def killed_halfway(done: int, total: int) -> None:
    if done >= total // 2:
        raise Killed


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)
    return Checkpoint(tmp_path / "components" / "checkpoint.pt")


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_checkpoint_is_named(checkpoint: Checkpoint, content: bytes | None):
    with pytest.raises(Killed):
        fit(CRITIC, DATA, {}, [0], killed_halfway, checkpoint)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:500] if content is None else content)
    with pytest.raises(UserError, match=r"checkpoint\.pt' is damaged or of other code; delete it and run again"):
        fit(CRITIC, DATA, {}, [0], silent, checkpoint)


def test_a_training_goes_on_from_its_file(checkpoint: Checkpoint):
    assert checkpoint.read() is None
    with pytest.raises(Killed):
        fit(CRITIC, DATA, {}, [0], killed_halfway, checkpoint)
    whole, resumed = fit(CRITIC, DATA, {}, [0], silent), fit(CRITIC, DATA, {}, [0], silent, checkpoint)
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], tensor), name
    assert [row["step"] for row in resumed.curve.rows[0]] == list(range(1, STEPS + 1))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_diverged_training_is_named_with_its_seed():
    data = Data(
        DATA.observations, DATA.actions, DATA.rewards * float("inf"), DATA.next_observations, DATA.terminals
    )
    with pytest.raises(UserError, match="training of critic diverged before step 50 for seed 7"):
        fit(CRITIC, data, {}, [7], silent)
