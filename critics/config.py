"""Settings of critics: which kind all methods share, and how the networks of any of them are made and trained."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeAlias

from critics.losses import ValueLossSetting
from foundation.bounds import Count, Fraction, NonNegative, Positive, Probability, Rate
from foundation.keys import UNLESS_DEFAULT
from foundation.names import ImportName
from training.networks import LAYER_NORM_EPSILON
from training.precision import Precision

CriticKind: TypeAlias = Literal["iql", "in-support", "cql"]

OF_NETWORKS = frozenset(
    {"width", "layers", "initial", "steps", "batch_size", "learning_rate", "weight_decay", "precision"}
)
"""Settings of every network's size and training."""
OF_Q = OF_NETWORKS | {"discount", "polyak"}
"""Those on which a Q with target networks depends."""
OF_V = OF_NETWORKS | {
    "expectile",
    "value_loss",
    "value_layer_norm",
    "value_layer_norm_epsilon",
    "value_hidden_norm",
}
"""Those on which a V depends that is fitted to a Q."""
OF_KINDS: Mapping[CriticKind, frozenset[str]] = {
    "iql": frozenset(),
    "in-support": frozenset({"support_states", "support_actions", "inverse_temperature"}),
    "cql": frozenset({"penalty"}),
}
"""What a kind has that no other kind has."""


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """How a critic's networks are made and trained; the defaults are those on which IQL, IDQL and SWG agree.

    Attributes:
        expectile: τ of the value loss, expectile or quantile, and of the weights of these names (papers: 0.9 for
            AntMaze, 0.7 elsewhere).
        value_loss: of V, which `iql` bootstraps from and which is fitted to the Q of the other kinds: `expectile`,
            `quantile`, `linex:alpha=1` or `dice:alpha=0.5` (Diffusion-DICE's critic is `iql` with this loss).
        discount: γ.
        polyak: rate at which the target network follows.
        width: hidden units of each layer.
        layers: hidden layers of each network.
        value_layer_norm: a LayerNorm on V's input, as SWG and the current IDQL code have it.
        value_layer_norm_epsilon: added to the variance in it: 1e-5 (PyTorch's), or 1e-6 as in their code (flax's).
        value_hidden_norm: a LayerNorm before each activation of V, as Diffusion-DICE's code has it.
        initial: initial weights, `uniform` (PyTorch's), `xavier` (SWG's and IDQL's code) or `lecun` (flax's).
        steps: gradient steps (papers: a million).
        batch_size: transitions per seed and step.
        learning_rate: Adam's; AdamW's where weight_decay > 0.
        weight_decay: decoupled weight decay (1e-4 in Diffusion-DICE's code).
        precision: of the matrix products in training, `bf16` by autocast with all else in `fp32`.
        imported: name of the critic that `import-checkpoint` put into the artifacts, in the place of one that is
            trained here; the settings of training then say nothing of it. None trains it.
    """

    expectile: Fraction = 0.7
    value_loss: ValueLossSetting = "expectile"
    discount: Probability = 0.99
    polyak: Rate = 0.005
    width: Count = 256
    layers: Count = 2
    value_layer_norm: bool = False
    value_layer_norm_epsilon: Positive = field(default=LAYER_NORM_EPSILON, metadata=UNLESS_DEFAULT)
    value_hidden_norm: bool = False
    initial: Literal["uniform", "xavier", "lecun"] = "uniform"
    steps: Count = 1_000_000
    batch_size: Count = 256
    learning_rate: Positive = 3e-4
    weight_decay: NonNegative = 0.0
    precision: Precision = "fp32"
    imported: ImportName | None = field(default=None, metadata=UNLESS_DEFAULT)

    def keep(self, names: Iterable[str]) -> "CriticConfig":
        """With the default in the place of every other setting, so that one without effect changes no key."""
        return CriticConfig(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class CriticSettings(CriticConfig):
    """The one critic that all methods share: its kind, and how its networks are made and trained.

    Attributes:
        kind: how Q and V are trained. `iql`: implicit Q-learning, whose V bootstraps Q (the method `iql` is
            another thing, a Gaussian policy extracted from a critic by advantage-weighted regression);
            `in-support`: QGPO's Q-learning by a softmax over actions of the behaviour model; `cql`: the
            conservative Q that the method `cql` trains with its policy. To the Q of the last two V is fitted for
            methods that ask V.
        support_states: of `in-support`: next states of the data at which actions are drawn.
        support_actions: of `in-support`: M, draws per next state (16 in QGPO's paper, 32 for AntMaze).
        inverse_temperature: of `in-support`: β_Q of its softmax (1 in the authors' example).
        penalty: of `cql`: α, the weight of the penalty on Q of actions that the data do not have (5 and 10 in the
            authors' code).
    """

    kind: CriticKind = field(default="iql", metadata=UNLESS_DEFAULT)
    support_states: Count = field(default=1_000_000, metadata=UNLESS_DEFAULT)
    support_actions: Count = field(default=16, metadata=UNLESS_DEFAULT)
    inverse_temperature: NonNegative = field(default=1.0, metadata=UNLESS_DEFAULT)
    penalty: NonNegative = field(default=5.0, metadata=UNLESS_DEFAULT)

    def reset_other_kinds(self) -> "CriticSettings":
        """With the defaults in the place of what other kinds alone have."""
        others = frozenset[str]().union(*OF_KINDS.values()) - OF_KINDS[self.kind]
        return replace(self, **{item.name: item.default for item in fields(self) if item.name in others})
