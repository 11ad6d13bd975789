"""A method is an objective x a guidance x a selection, or whatever else gives components and a policy."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import ClassVar, TypeAlias, final

from critics.valued import ValuedCritic
from foundation.errors import UserError
from methods.core.policy import Policy, SlotPolicy, make_policy
from methods.core.selection import First, set_candidates
from methods.core.setup import Setup
from methods.core.slots import Behaviour, Guidance, Objective, Selection
from methods.presets.value import Presets
from training import Component, Models


class MethodError(UserError):
    """A method that cannot be made as its settings say, or a plug-in that registers none."""


@dataclass(frozen=True)
class Rho:
    """A method's guidance scale ρ: what it is when nobody says, and where tuning looks.

    Attributes:
        default: the scale used without a tuned or published one.
        grid: the scales that `tune-rho` tries.
        low, high: the ends of the continuous range.
        published: whether SWG's published scale of a task (`Task.published_rho`) is this method's.
        published_with: the settings that the published scales were tuned for, as patterns by the method's names.
    """

    default: float
    grid: tuple[float, ...] = (1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    low: float = 0.1
    high: float = 30.0
    published: bool = False
    published_with: Mapping[str, str] = field(default_factory=dict)


KnobValue: TypeAlias = bool | int | float | str


@dataclass(frozen=True)
class Knob:
    """The values of one of a method's settings that `tune` tries: a range of numbers, or choices.

    Attributes:
        low, high: the ends of a range, both included; of whole numbers where both are.
        log: whether equal ratios are equally likely to be tried, and not equal steps.
        choices: the values, where there is no range.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[KnobValue, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is neither a range nor choices.

        Raises:
            MethodError: for example a range without an end, or that begins at 0 and is logarithmic.
        """
        if self.choices:
            if self.low is not None or self.high is not None or len(set(self.choices)) < 2:
                raise MethodError(f"{self} must have different choices, at least two, or the ends of a range.")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise MethodError(f"{self} must have choices, or a range from low to a greater high.")
        elif self.log and self.low <= 0:
            raise MethodError(f"{self} cannot be logarithmic from {self.low:g}; let it begin above 0.")

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[KnobValue, ...]:
        """The values between which all others lie, or all choices."""
        return self.choices if self.low is None or self.high is None else (self.low, self.high)

    @property
    def mean(self) -> KnobValue:
        """The mean of values drawn as they are tried at first; the first of choices."""
        if self.low is None or self.high is None:
            return self.choices[0]
        width = self.high - self.low
        mean = width / math.log(self.high / self.low) if self.log else self.low + width / 2
        return round(mean) if self.is_whole else mean

    def describe(self) -> str:
        """Its values in words."""
        if self.low is None or self.high is None:
            return ", ".join(map(str, self.choices))
        return f"{self.low:g} to {self.high:g}"


class Method(ABC):
    """A method as a frozen dataclass whose fields are its own settings; most are a `SlotMethod`.

    Class attributes:
        title: the name as printed.
        paper: where it is defined.
        rho: its guidance scale, or None for a method that has none.
        knobs: what `tune` tries beside ρ, by the names of fields of the method. Shared settings are none of them,
            since methods that differ there are not on equal terms.
        in_default_comparison: whether it is compared when nobody names methods.
        capturable: whether a call of its policy may be captured as a CUDA graph: False where a slot changes
            something in Python that a later call depends on. What cannot be captured is found without it.
        presets: `paper` and `official` (the authors' code) to what each sets: fields of the method by their plain
            names, `rho`, and what it would share with others by dotted ones, such as `denoiser.levels`. Those of a
            method of this package stand in the file of its name in `methods/presets`.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    rho: ClassVar[Rho | None] = None
    knobs: ClassVar[Mapping[str, Knob]] = {}
    in_default_comparison: ClassVar[bool] = True
    capturable: ClassVar[bool] = True
    presets: ClassVar[Presets] = {}

    @final
    def takes_published_rho(self) -> bool:
        """Whether SWG's published scale of a task is this method's with the settings that it has."""
        return (
            self.rho is not None
            and self.rho.published
            and all(
                fnmatchcase(str(getattr(self, name)), pattern) for name, pattern in self.rho.published_with.items()
            )
        )

    @abstractmethod
    def components(self, setup: Setup) -> Mapping[str, Component]:
        """The components it needs, by the names under which `policy` finds them made."""

    @abstractmethod
    def policy(self, models: Models, setup: Setup) -> Policy:
        """The policy for all seeds, from the made components.

        Args:
            models: the made components, by the names of `components`.
            setup: sizes, ranges and the one sampler.
        """


def join_components(one: Component, other: Component) -> Component | None:
    """What serves for both, of a critic and the same one with a V the one with it; None where nothing does."""
    for full, part in ((one, other), (other, one)):
        if full == part or (isinstance(full, ValuedCritic) and full.critic == part):
            return full
    return None


class SlotMethod(Method):
    """A method of three slots; what it does not say is the behaviour objective, no guidance, the first draw."""

    def objective(self) -> Objective:
        """What the denoiser is trained on."""
        return Behaviour()

    def guidance(self) -> Guidance | None:
        """How sampling is steered."""
        return None

    def selection(self) -> Selection:
        """How one action is picked among candidates."""
        return First()

    @final
    def select_in(self, setup: Setup) -> Selection:
        """The selection, from as many candidates as the comparison sets for every method, if it does.

        Raises:
            MethodError: a selection whose number of candidates cannot be set.
        """
        selection = self.selection()
        if setup.candidates is None:
            return selection
        try:
            return set_candidates(selection, setup.candidates, setup.action_dim)
        except ValueError as error:
            raise MethodError(
                f"{self.title}: {error}; leave out equal.candidates={setup.candidates}, or the method."
            ) from error

    @final
    def components(self, setup: Setup) -> Mapping[str, Component]:
        """What the three slots need.

        Raises:
            MethodError: two slots give one name to different components, or a guidance has no scale ρ.
        """
        denoiser, guidance = self.objective().component(setup), self.guidance()
        selection = self.select_in(setup)
        if guidance is not None and self.rho is None:
            raise MethodError(
                f"{self.title} has a guidance but no scale, so it would never be applied: "
                "give it `rho: ClassVar[Rho | None] = Rho(default=...)`."
            )
        found: dict[str, Component] = {"denoiser": denoiser}
        for slot in (
            {} if guidance is None else guidance.components(setup, denoiser),
            selection.components(setup) if selection.candidates > 1 else {},
        ):
            for name, component in slot.items():
                joined = join_components(found.get(name, component), component)
                if joined is None:
                    raise MethodError(
                        f"{self.title}: its slots give the name {name!r} to different components; rename one."
                    )
                found[name] = joined
        return found

    @final
    def policy(self, models: Models, setup: Setup) -> SlotPolicy:
        """Sampling with the objective's denoiser, steered by the guidance, then the selection."""
        slots = self.objective(), self.guidance(), self.select_in(setup)
        return make_policy(*slots, models, setup, self.capturable)
