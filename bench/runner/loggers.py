"""Learning curves and evaluations as they arise, in TensorBoard's or Weights & Biases' own files."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from foundation.errors import UserError, unknown_name


class Logger(Protocol):
    """Where numbers are streamed to; every name is one run in the program that shows them."""

    def log(self, name: str, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a component (`<kind>-<key>/seed-0`) or of a result (`<task>/<method>-<key>/seed-0`)."""
        ...

    def finish(self, name: str) -> None:
        """Nothing more comes of that name."""
        ...


class NoLogger:
    """Streams nothing."""

    def log(self, name: str, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def finish(self, name: str) -> None:
        """Nothing."""


class TensorBoardLogger:
    """Event files in `RESULTS/logs/tensorboard`, a folder for each name.

    Args:
        results: the results folder.
    """

    def __init__(self, results: Path):
        from torch.utils.tensorboard import SummaryWriter

        self._open = SummaryWriter
        self._folder = results / "logs" / "tensorboard"
        self._writers: dict[str, Any] = {}

    def log(self, name: str, step: int, values: Mapping[str, float]) -> None:
        if name not in self._writers:
            self._writers[name] = self._open(str(self._folder / name))
        for key, value in values.items():
            self._writers[name].add_scalar(key, value, step)

    def finish(self, name: str) -> None:
        if name in self._writers:
            self._writers.pop(name).close()


class WandbLogger:
    """Runs of the project `diffusion-guidance-bench`, one for each name, their files in `RESULTS/logs/wandb`.

    W&B's own environment variables hold, such as WANDB_MODE=offline and WANDB_PROJECT.

    Args:
        results: the results folder.
    """

    def __init__(self, results: Path):
        import wandb

        self._wandb = wandb
        self._folder = results / "logs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._runs: dict[str, Any] = {}

    def log(self, name: str, step: int, values: Mapping[str, float]) -> None:
        if name not in self._runs:
            settings = self._wandb.Settings(
                project=self._wandb.setup().settings.project or "diffusion-guidance-bench",
                console="off",
                silent=True,
            )
            group = name.rpartition("/")[0]
            self._runs[name] = self._wandb.init(
                name=name, group=group, dir=str(self._folder), reinit="create_new", settings=settings
            )
        self._runs[name].log(dict(values), step=step)

    def finish(self, name: str) -> None:
        if name in self._runs:
            self._runs.pop(name).finish()


LoggerName: TypeAlias = Literal["none", "tensorboard", "wandb"]
LOGGERS: Mapping[str, Callable[[Path], Logger]] = {
    "none": lambda results: NoLogger(),
    "tensorboard": TensorBoardLogger,
    "wandb": WandbLogger,
}


def find_logger(name: str) -> str:
    """The name itself, if it is one and its package is installed.

    Raises:
        UserError: it is not.
    """
    if name not in LOGGERS:
        raise unknown_name("logger", name, LOGGERS)
    if name != "none" and importlib.util.find_spec(name) is None:
        raise UserError(
            f"--logger {name} needs the package {name}, which is not installed; install it with "
            f"`pip install {name}`, or leave the option out: learning curves are kept as CSV in any case."
        )
    return name


def make_logger(name: str, results: Path) -> Logger:
    """The logger of that name, for one process; see `find_logger`."""
    return LOGGERS[find_logger(name)](results)
