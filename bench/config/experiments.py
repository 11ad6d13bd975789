"""An experiment is the cells of one table or figure of a paper, as data: its name runs exactly those.

They are SWG's (https://arxiv.org/abs/2505.18345) and AEPO's (https://arxiv.org/abs/2505.01822). Flags override an
experiment's settings, and `--rho` its scales.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench.config.spec import RhoChoice, join_items
from foundation.errors import UserError, unknown_name
from methods.core.method import Method
from suites.registry import get_suite, get_tasks
from suites.task import Task


@dataclass(frozen=True, kw_only=True)
class Part:
    """Cells of one suite with one choice of settings.

    Attributes:
        suite: the suite's name.
        tasks: names of its tasks; None for all of them.
        methods: method's name to its row in the paper's table, in which `{rho}` stands for the scale.
        rhos: scales of every method that has one; none leaves them to `bench.runner.choose_rho`.
        published: whether a method for which SWG's scales are meant takes the task's published one.
        tuned: whether the paper tuned ρ and does not print it: cells at another scale than one that was tuned here
            are not compared with a row.
        settings: fields by dotted name, over those of the preset, the suite and the task.
        version: of D4RL's files that the table uses, for tasks that have such; None for the task's.
    """

    suite: str
    tasks: tuple[str, ...] | None = None
    methods: Mapping[str, str]
    rhos: tuple[float, ...] = ()
    published: bool = False
    tuned: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None

    def find_tasks(self) -> tuple[Task, ...]:
        return get_tasks(get_suite(self.suite), self.tasks)

    def scales(self, method: Method, task: Task) -> tuple[RhoChoice, ...]:
        """The scales that this part fixes for a method on a task, or none."""
        if method.rho is None:
            return ()
        if self.published and method.takes_published_rho() and task.published_rho is not None:
            return ((task.published_rho, "published"),)
        return tuple((rho, "given") for rho in self.rhos)

    def holds(self, settings: Mapping[str, Any]) -> bool:
        """Whether these settings are still the part's; if a flag overrides one, its cells are not
        compared with a row."""
        return all(settings.get(name, value) == value for name, value in self.settings.items())

    def row(self, method: str, rho: float | None, source: str | None, asked: bool) -> str | None:
        """The row of the table that a cell is compared with; none for a scale that no row is at.

        Args:
            method: its name.
            rho, source: its scale and where that came from.
            asked: whether scales were asked for.
        """
        text = self.methods[method]
        if (asked and rho is not None and "{rho}" not in text) or (self.tuned and source != "tuned"):
            return None
        return text.format(rho="none" if rho is None else f"{rho:g}")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One table or figure.

    Attributes:
        title: what it shows.
        table: the source's name in `reports/published`, or None where the paper prints no numbers.
        parts: its cells.
    """

    title: str
    table: str | None
    parts: tuple[Part, ...]


_TABLE_2 = {
    "idql": "IDQL", "cep": "QGPO", "ddice": "D-DICE", "swg": "SWG", "sfbc": "SfBC", "iql": "IQL", "cql": "CQL",
}  # fmt: skip
_AEPO_COLUMNS = {
    "aepo": "AEPO", "cep": "QGPO", "idql": "IDQL", "sfbc": "SfBC",
    "bc": "BC", "iql": "IQL", "td3-bc": "TD3+BC", "cql": "CQL",
}  # fmt: skip
_SWG = {"swg": "SWG"}
_SCALES = (1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
V0 = "v0"  # the authors' code takes this version of everything but locomotion


def _omit(columns: Mapping[str, str], *methods: str) -> dict[str, str]:
    """The columns of all but these methods."""
    return {method: column for method, column in columns.items() if method not in methods}


def _weights(name: str, settings: Mapping[str, Any]) -> Part:
    """Table 3 names no ρ, which was tuned for each weight.

    Its expectile row is the average of Table 2, which uses the published scales. The other weights' scales are not
    published, so they are tuned here (`tune-rho` with the part's settings).
    """
    is_expectile = name == "expectile"
    row = {"swg": f"weight={name}"}
    return Part(suite="locomotion", methods=row, published=is_expectile, tuned=not is_expectile, settings=settings)


RESCALED: Mapping[str, Any] = {"guidance.rescale": True}  # AEPO, eq. 45
_AEPO = {"aepo": "AEPO"}
_CURVES = (
    "walker2d-medium-expert-v2",
    "halfcheetah-medium-expert-v2",
    "hopper-medium-expert-v2",
    "walker2d-medium-v2",
)
"""The tasks of AEPO's Figures 2 to 5, in their order."""


def _dql(suite: str, candidates: int = 50, version: str | None = None) -> Part:
    """Diffusion-QL with 50 candidates, as its authors evaluate it, or with one, which tables call D-QL@1."""
    return Part(
        suite=suite,
        methods={"dql": "D-QL" if candidates > 1 else f"D-QL@{candidates}"},
        settings={"dql.candidates": candidates},
        version=version,
    )


def _scan(name: str, values: tuple[float | str, ...]) -> tuple[Part, ...]:
    """AEPO at several values of one setting, rescaled."""
    return tuple(
        Part(suite="locomotion", tasks=_CURVES, methods=_AEPO, settings={**RESCALED, name: value})
        for value in values
    )


def _scale_curve(number: int) -> Experiment:
    """One of AEPO's Figures 2 to 5."""
    task = _CURVES[number - 2]
    return Experiment(
        title=f"{task}: AEPO at ω 0 to 3, the guided score rescaled or not",
        table=None,
        parts=tuple(
            Part(
                suite="locomotion",
                tasks=(task,),
                methods=_AEPO,
                rhos=(0.0, 0.1, 0.5, 1.0, 2.0, 3.0),
                settings={"guidance.rescale": rescale},
            )
            for rescale in (True, False)
        ),
    )


EXPERIMENTS: dict[str, Experiment] = {
    "swg-figure1": Experiment(
        title="toy densities: SWG's samples compared with the exact target's, ρ = 1",
        table=None,
        # The β of the authors' own script for the paper's figures (SWG-pytorch 568d510, get_diffusion_plots.py).
        parts=(
            Part(
                suite="toy",
                methods=_SWG,
                settings={"evaluation.inverse_temperatures": (0.0, 1.0, 5.0, 10.0, 15.0)},
            ),
        ),
    ),
    "swg-table2": Experiment(
        title="20 tasks of D4RL: SWG at the published ρ of each, and the columns that are methods here",
        table="SWG Table 2",
        parts=(
            Part(suite="locomotion", methods=_TABLE_2, published=True),
            _dql("locomotion"),
            Part(suite="antmaze", methods=_TABLE_2, published=True, version=V0),
            _dql("antmaze", version=V0),
            # The table has no IDQL and no QGPO on kitchen. Its cell of D-DICE on the complete task is empty; it is
            # run all the same, since a report compares methods on a full matrix of tasks.
            Part(
                suite="kitchen",
                methods=_omit(_TABLE_2, "idql", "cep"),
                published=True,
                version=V0,
            ),
            _dql("kitchen", version=V0),
            # And none of SfBC on pen.
            Part(suite="adroit-pen", methods=_omit(_TABLE_2, "sfbc"), published=True, version=V0),
            _dql("adroit-pen", version=V0),
        ),
    ),
    "swg-table3": Experiment(
        title="locomotion: SWG's weights expectile at the published ρ, exponential (β 3, clip 80) and linex (α 1)",
        table="SWG Table 3",
        parts=(
            _weights("expectile", {"swg.weight": "smooth-expectile"}),
            _weights("exponential-expectile", {"swg.weight": "exponential:inverse_temperature=3,maximum=80"}),
            _weights("linex", {"swg.weight": "linex:alpha=1", "critic.value_loss": "linex:alpha=1"}),
        ),
    ),
    "swg-table8": Experiment(
        title="locomotion: SWG at ρ 1, 5, 10, 15, 20, 25, 30",
        table="SWG Table 8",
        parts=(Part(suite="locomotion", methods={"swg": "rho={rho}"}, rhos=_SCALES),),
    ),
    "swg-table9": Experiment(
        title="antmaze: SWG at ρ 1, 5, 10, 15, 20, 25, 30",
        table="SWG Table 9",
        parts=(Part(suite="antmaze", methods={"swg": "rho={rho}"}, rhos=_SCALES, version=V0),),
    ),
    # The paper prints no ω of a task, so none is fixed here; its names have no version but locomotion's. AEPO's
    # guidance is rescaled as published alone: controlled terms apply every guidance alike.
    "aepo-table1": Experiment(
        title="locomotion: AEPO, and the columns of its table that are methods here",
        table="AEPO Table 1",
        parts=(
            Part(suite="locomotion", methods=_AEPO_COLUMNS),
            _dql("locomotion"),
            _dql("locomotion", candidates=1),
        ),
    ),
    "aepo-table2": Experiment(
        title="maze2d, sparse reward, and antmaze: AEPO, and the columns of its table that are methods here",
        table="AEPO Table 2",
        parts=(
            # The table has no QGPO, IDQL, IQL and D-QL on maze2d.
            Part(suite="maze2d", methods=_omit(_AEPO_COLUMNS, "cep", "idql", "iql")),
            Part(suite="antmaze", methods=_AEPO_COLUMNS),
            _dql("antmaze"),
        ),
    ),
    "aepo-table3": Experiment(
        title="Adroit pen, human and cloned: AEPO, QGPO, CQL and Diffusion-QL of one candidate",
        table="AEPO Table 3",
        parts=(
            Part(suite="adroit-pen", methods=_omit(_AEPO_COLUMNS, "idql", "sfbc", "bc", "iql", "td3-bc")),
            _dql("adroit-pen", candidates=1),
        ),
    ),
    "aepo-figure1": Experiment(
        title="locomotion: AEPO with the posterior variances 1 (noise) and 2 (data), and with three critics",
        table=None,
        # The figure has posterior 2 with IQL's critic alone, and the other critics with posterior 1 alone.
        parts=tuple(
            Part(
                suite="locomotion",
                methods=_AEPO,
                settings={**RESCALED, "aepo.posterior": posterior, "critic.kind": kind},
            )
            for posterior, kind in (("noise", "iql"), ("data", "iql"), ("noise", "in-support"), ("noise", "cql"))
        ),
    ),
    **{f"aepo-figure{number}": _scale_curve(number) for number in (2, 3, 4, 5)},
    "aepo-figure6": Experiment(
        title="AEPO at β 1 to 5 and at expectiles 0.5 to 0.8, on the tasks of Figures 2 to 5, our choice",
        table=None,
        parts=(
            *_scan("aepo.inverse_temperature", (1.0, 2.0, 3.0, 4.0, 5.0)),
            *_scan("critic.expectile", (0.5, 0.6, 0.8)),  # 0.7 is the first row with β 3
        ),
    ),
}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownName: no experiment has the name; near names are suggested.
    """
    if name not in EXPERIMENTS:
        raise unknown_name("experiment", name, EXPERIMENTS)
    return EXPERIMENTS[name]


def narrow_experiment(
    name: str, tasks: tuple[str, ...] | None, methods: tuple[str, ...] | None
) -> tuple[Part, ...]:
    """The parts of an experiment that hold these tasks and methods, cut down to them.

    Args:
        name: the experiment's.
        tasks, methods: names to keep; None keeps all.

    Raises:
        UnknownName: the experiment has no such name, or no such task or method; near names are suggested.
    """
    there = [(part, [task.name for task in part.find_tasks()]) for part in find_experiment(name).parts]
    every = {
        "task": list(dict.fromkeys(task for _, names in there for task in names)),
        "method": list(dict.fromkeys(method for part, _ in there for method in part.methods)),
    }
    for kind, asked in (("task", tasks), ("method", methods)):
        for missing in (item for item in asked or () if item not in every[kind]):
            raise unknown_name(f"{kind} of experiment {name}", missing, every[kind])
    cut = [
        replace(
            part,
            tasks=tuple(task for task in names if tasks is None or task in tasks),
            methods={m: row for m, row in part.methods.items() if methods is None or m in methods},
        )
        for part, names in there
    ]
    kept = tuple(part for part in cut if part.tasks and part.methods)
    if not kept:
        raise UserError(
            f"experiment {name} has no cell of {join_items(methods or ())} on {join_items(tasks or ())}."
        )
    return kept
