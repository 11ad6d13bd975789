"""A method is an objective x a guidance x a selection, or whatever else gives components and a policy."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

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
    """

    default: float
    grid: tuple[float, ...] = (1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    low: float = 0.1
    high: float = 30.0
    published: bool = False


class Method(ABC):
    """A method as a frozen dataclass whose fields are its own settings; most are a `SlotMethod`.

    Class attributes:
        title: the name as printed.
        paper: where it is defined.
        rho: its guidance scale, or None for a method that has none.
        in_default_comparison: whether it is compared when nobody names methods; False for a baseline that is known
            to miss the target law.
        presets: `paper` and `official` (the authors' code) to what each sets: fields of the method by their plain
            names, `rho`, and what it would share with others by dotted ones, such as `denoiser.levels`. Those of a
            method of this package stand in the file of its name in `methods/presets`.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    rho: ClassVar[Rho | None] = None
    in_default_comparison: ClassVar[bool] = True
    presets: ClassVar[Presets] = {}

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
            clashes = [name for name, component in slot.items() if found.get(name, component) != component]
            if clashes:
                raise MethodError(
                    f"{self.title}: its slots give the name {clashes[0]!r} to different components; rename one."
                )
            found |= slot
        return found

    @final
    def policy(self, models: Models, setup: Setup) -> SlotPolicy:
        """Sampling with the objective's denoiser, steered by the guidance, then the selection."""
        return make_policy(self.objective(), self.guidance(), self.select_in(setup), models, setup)
