"""A component is anything made once from data and other components: a critic, a denoiser, a guidance network.

A component is a frozen dataclass whose fields are all that makes it; the harness hashes them with the data
set's fingerprint and the keys of `upstream`, makes it for all seeds at once, and stores it per seed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, final

import torch
from torch import Tensor, nn

from training.batch import Batch, Data
from training.capture import CaptureError
from training.precision import Precision, round_products
from training.seeds import SeedStreams
from training.shapes import PerSeed

Models: TypeAlias = Mapping[str, Any]
"""Trained components by name."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total)."""
ModuleT = TypeVar("ModuleT", bound=nn.Module)


@dataclass(frozen=True)
class Step:
    """What a gradient step is computed from.

    Attributes:
        data: the transitions.
        models: the made upstream components, by the component's names for them.
        precomputed: what `Trained.precompute` gave.
        noise: each seed's random numbers.
        done: steps done before this one; None in a step that is captured, to be replayed at any number of them.
        parts: named parts of the loss, (seed,) each, for the learning curve.
        due: names of the groups whose turn it is; None for all.
    """

    data: Data
    models: Models
    noise: SeedStreams
    precomputed: Mapping[str, Tensor] = field(default_factory=dict)
    done: int | None = 0
    parts: dict[str, Tensor] = field(default_factory=dict)
    due: frozenset[str] | None = None

    @property
    def number(self) -> int:
        """Steps done before this one.

        Raises:
            CaptureError: while the step is captured.
        """
        if self.done is None:
            raise CaptureError("the step depends on its number")
        return self.done

    def is_due(self, group: str) -> bool:
        """Whether it is the turn of the group of that name, which `Group.every` says; known in a captured step."""
        return self.due is None or group in self.due

    def sample_batch(self, size: int) -> Batch:
        """Transitions drawn uniformly with replacement, `size` for every seed."""
        return self.data.batch(self.noise.integers(len(self.data), size))

    def record(self, name: str, value: PerSeed) -> None:
        """Put a part of the loss, or any other number per seed, into the learning curve."""
        self.parts[name] = value.detach()

    @torch.no_grad()
    def in_chunks(self, function: Callable[[Tensor], Tensor], count: int, size: int = 16_384) -> Tensor:
        """function(index) over 0..count-1 in slices, joined along the second axis (after the seed axis)."""
        slices = torch.arange(count, device=self.data.rewards.device).split(size)
        return torch.cat([function(index) for index in slices], dim=1)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters with an optimiser of their own: Adam, or AdamW where weight_decay > 0. Groups share no parameter.

    Attributes:
        name: the key of its loss in what `Trained.losses` returns.
        parameters: beginnings of the names of its parameters; the empty text means all.
        learning_rate: at the start.
        weight_decay: decoupled weight decay.
        decay_steps: length of a cosine decay to zero, or None for a constant rate.
        every: a step of it is taken in every so many steps of the loop.
        ema: rate of the exponential moving average that replaces the weights at the end, or None.
        clip: the greatest norm of a seed's gradient, or None.
    """

    name: str = "loss"
    parameters: tuple[str, ...] = ("",)
    learning_rate: float
    weight_decay: float = 0.0
    decay_steps: int | None = None
    every: int = 1
    ema: float | None = None
    clip: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What the values of a trained module say of one seed.

    Attributes:
        text: the values, as a part of a sentence.
        has_diverged: whether they can never be right.
        is_doubtful: whether they look wrong, as those of data of an unusual scale.
    """

    text: str
    has_diverged: bool = False
    is_doubtful: bool = False


class Component(ABC):
    """Something methods share. Subclass `Trained` or `Computed`, or this one where nothing has to be made."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    def upstream(self) -> Mapping[str, "Component"]:
        """The components that this one is made from, by the names it knows them by."""
        return {}

    @abstractmethod
    def build(self, streams: SeedStreams) -> Any:
        """The module before training: right shapes, fresh parameters, seed axis first."""

    def for_estimate(self) -> "Component":
        """A version that costs the same per step but has less to prepare, to measure its speed with."""
        return self


class Trained(Component, Generic[ModuleT]):
    """A component fitted by gradient steps.

    `steps` and `groups` are properties: a dataclass field for them needs another name.

    Class attributes:
        capturable: whether a step may be captured as a CUDA graph: False where `losses` or `after_step` change
            something in Python that a later step depends on. What cannot be captured is found without it.
        settings: the group of settings that its learning rate is one of, such as `critic`; None where it is none
            of the shared ones.
    """

    capturable: ClassVar[bool] = True
    settings: ClassVar[str | None] = None

    @property
    @abstractmethod
    def steps(self) -> int:
        """Number of gradient steps."""

    @property
    @abstractmethod
    def groups(self) -> tuple[Group, ...]:
        """The parameters and how each group of them is optimised, in the order of their steps."""

    @property
    def imported(self) -> str | None:
        """Name of the import that it comes from, trained elsewhere; None where it is trained here.

        An imported one is made from nothing here: its `upstream` is neither trained nor part of its key.
        """
        return None

    @property
    def precision(self) -> Precision:
        """Of the matrix products in its losses."""
        return "fp32"

    def take_over(self, module: ModuleT, models: Models) -> None:
        """Copy into a fresh module what it keeps of the made upstream components; called before the first step."""
        return

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """Whatever is worth computing once for the whole data set before the first step."""
        return {}

    @abstractmethod
    def losses(self, module: ModuleT, step: Step) -> Mapping[str, PerSeed]:
        """Each group's loss for each seed; a seed's loss must not touch another seed's numbers.

        All losses are of the parameters before the step. A group whose loss is missing takes no step; a loss
        without a group is an error.
        """

    @final
    def compute_losses(self, module: ModuleT, step: Step) -> Mapping[str, PerSeed]:
        """`losses`, with their matrix products in the component's precision."""
        with round_products(self.precision, step.data.rewards.device):
            return self.losses(module, step)

    @property
    def remedy(self) -> str:
        """What to do where it diverges."""
        setting = "" if self.settings is None else f" (--{self.settings}.learning-rate)"
        return f"lower the learning rate of {self.kind}{setting} or check the data's scale"

    def diagnose(self, module: ModuleT, step: Step) -> Sequence[Diagnosis]:
        """What the module's values on the data say of each seed; nothing where there is nothing to say.

        Called after the last step, and where a seed diverges. It draws no random numbers.
        """
        return ()

    def after_step(self, module: ModuleT, step: Step) -> None:
        """Called after each optimiser step, for target networks."""
        return


class Computed(Component):
    """A component filled by one computation, such as actions sampled from a trained model.

    Class attributes:
        filled: buffers (seed, row, ...) that are filled row by row, seed after seed, as `progress` counts them; a
            computation that was stopped then goes on at row `step.number`, and what comes before is filled.
    """

    filled: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """Fill the module's buffers; call progress(done, total) now and then."""
