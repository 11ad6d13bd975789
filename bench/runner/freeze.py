"""Plans a comparison without running it, and freezes the plan before anything of it is evaluated."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.request import Request, RunDetails, resolve_episodes
from bench.config.spec import PER_SEED, Cell, join_items
from bench.progress import ProgressConsole
from bench.runner.choose_rho import hash_policy
from bench.runner.estimate import estimate_plan
from bench.runner.plan import PlannedCell, TaskPlan
from bench.runner.protocol import Tuned, count_wanted, explain_untuned
from bench.runner.result import read_versions
from bench.runner.run import check_folders, choose_processes, plan_tasks, print_plan
from bench.storage.components import hash_json
from bench.storage.ledger import Ledger, Subject
from bench.storage.results import ResultStore
from foundation.errors import UserError
from reports.errors import ReportError
from reports.load.files import write_file
from reports.load.frozen_plan import (
    FROZEN,
    FrozenMethod,
    FrozenPlan,
    RhoRule,
    TuningRule,
    hash_plan,
    is_same_plan,
    read_frozen_plan,
)
from reports.load.schema import FORMAT

SHORT_HASH = 12


@dataclass(frozen=True)
class Freezing:
    """Where a plan is frozen.

    Attributes:
        file: that is written; the results folder gets a copy.
        primary: the two methods whose difference is the primary comparison, or None.
    """

    file: Path
    primary: tuple[str, str] | None


def plan(request: Request[RunDetails], freezing: Freezing | None, console: ProgressConsole) -> list[TaskPlan]:
    """Show what `run` would do, train and evaluate nothing, and freeze the plan where that is asked for.

    Raises:
        UserError: a plan that cannot be frozen, see `freeze`.
    """
    results = ResultStore(request.results)
    check_folders(request)
    if freezing is not None or request.results.exists():
        results.prepare()
    plans = plan_tasks(request, console)
    frozen = freeze(request, plans, freezing) if freezing is not None else None
    estimates = [estimate_plan(each, request.device) for each in plans]
    processes = choose_processes(sum(each.seconds for each in estimates), request)
    print_plan(plans, request, processes, estimates, console)
    untuned = explain_untuned(request, [own for each in plans for own in each.tuned])
    if untuned is not None:
        console.say(f"To do before `run`: {untuned}")
    if freezing is not None and frozen is not None:
        console.say(
            f"Frozen at {frozen.created} in {freezing.file}, with a copy in {request.results / FROZEN}: "
            f"SHA-256 {frozen.hash}"
        )
    return plans


def freeze(request: Request[RunDetails], plans: Sequence[TaskPlan], freezing: Freezing) -> FrozenPlan:
    """Write the frozen plan and its copy in the results folder; one that is there with the same content stays.

    Raises:
        UserError: another plan is there, a cell of this one was evaluated before, the data differ by seed, or the
            primary comparison is not one of two methods that have one variant each.
        ReportError: a damaged ledger.
    """
    if any(job.config.data.is_per_seed for job in request.jobs):
        raise UserError(
            f"a frozen plan names one data set for each task, and --data-set.seed {PER_SEED} gives each seed its "
            "own; leave out --freeze, or name the seed of one, as in --data-set.seed 0."
        )
    cells = [planned for each in plans for planned in each.cells]
    if freezing.primary is not None:
        check_primary(freezing.primary, cells)
    made = make_frozen_plan(request, plans, freezing.primary)
    files = (freezing.file, request.results / FROZEN)
    there = [known for file in files if (known := read_same_plan(file, made)) is not None]
    if not there:
        refuse_evaluated(request, plans)
    for file in files:
        if not file.is_file():
            write_file(file, (there or [made])[0])
    return (there or [made])[0]


def check_primary(primary: tuple[str, str], cells: Sequence[PlannedCell]) -> None:
    """Refuse a primary comparison that is not one of two methods with one variant each.

    Raises:
        UserError: a method that is not compared, or has several scales or settings on a task.
    """
    names = dict.fromkeys(planned.cell.name for planned in cells)
    for name in primary:
        if name not in names:
            raise UserError(f"primary method {name!r} is not compared; choose two of {join_items(names)}.")
        for task in dict.fromkeys(planned.cell.task.name for planned in cells):
            own = [p for p in cells if (p.cell.name, p.cell.task.name) == (name, task)]
            if len({planned.label for planned in own}) != 1:
                scales = join_items(dict.fromkeys(f"{p.cell.rho:g}" for p in own if p.cell.rho is not None))
                has = f"several variants (ρ = {scales})" if own else "no cell"
                raise UserError(
                    f"primary method {name} has {has} on {task}, and a primary comparison has one of each of two "
                    "methods; name one scale with --rho, or leave out --primary."
                )


def make_frozen_plan(
    request: Request[RunDetails], plans: Sequence[TaskPlan], primary: tuple[str, str] | None
) -> FrozenPlan:
    """The plan as it is frozen now."""
    tuned = [own for each in plans for own in each.tuned]
    made = FrozenPlan(
        format=FORMAT,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        preset=request.preset,
        terms=request.jobs[0].terms,
        protocol=request.protocol.name if request.protocol is not None else None,
        experiment=request.experiment,
        seeds=request.seeds,
        primary=primary,
        methods=tuple(entry for each in plans for entry in freeze_methods(request, each, tuned)),
        versions=read_versions(),
        hash="",
    )
    return made.model_copy(update={"hash": hash_plan(made)})


def freeze_methods(request: Request[RunDetails], plan: TaskPlan, tuned: Sequence[Tuned]) -> Iterable[FrozenMethod]:
    """An entry for each method of a task with its settings and source of ρ; `tuned` as in `find_tuning`."""
    groups: dict[tuple[str | None, ...], list[PlannedCell]] = {}
    for planned in plan.cells:
        cell = planned.cell
        groups.setdefault((cell.name, cell.rho_source, hash_json(cell.settings())), []).append(planned)
    for cells in groups.values():
        cell, labels = cells[0].cell, {name: node.label for name, node in cells[0].models.items()}
        tuning = find_tuning(request, cell, tuned)
        yield FrozenMethod(
            suite=cell.task.suite,
            task=cell.task.name,
            method=cell.name,
            data=find_identity(plan),
            settings=cell.settings(),
            rho=find_rule(cells, tuning),
            tuning=tuning,
            episodes=resolve_episodes(cell.task, cell.config),
            components=labels,
            policy=hash_policy(cell.method, cell.name, cell.config, labels),
        )


def find_identity(plan: TaskPlan) -> tuple[str, str]:
    """Source and fingerprint of the one data set of a task."""
    (identity,) = {loaded.about.identity for loaded in plan.data.values()}
    return identity


def find_rule(cells: Sequence[PlannedCell], tuning: TuningRule | None) -> RhoRule:
    """How ρ of a method on a task is chosen, by tuning too where that is still to be done."""
    if tuning is not None and "rho" in tuning.open:
        return RhoRule(source="tuned", values=())
    values = dict.fromkeys(planned.cell.rho for planned in cells if planned.cell.rho is not None)
    return RhoRule.model_validate({"source": cells[0].cell.rho_source, "values": tuple(values)})


def find_tuning(request: Request[RunDetails], cell: Cell, tuned: Sequence[Tuned]) -> TuningRule | None:
    """How a method is tuned: with what was chosen, or as a protocol asks for it.

    Args:
        request: with the protocol.
        cell: of the method.
        tuned: the trials of every method of the comparison.
    """
    wanted = count_wanted(request.protocol, tuned) if request.protocol is not None else 0
    own = [each for each in tuned if (each.method, each.task) == (cell.name, cell.task.name)]
    if any(each.lacks(wanted) for each in own) and request.protocol is not None:
        return TuningRule(trials=wanted, open=cell.tunable)
    return None if cell.tuning is None else TuningRule(trials=cell.tuning.trials, open=())


def read_same_plan(file: Path, made: FrozenPlan) -> FrozenPlan | None:
    """The plan in a file, which must be the same but for its time; None where there is no file.

    Raises:
        UserError: the file holds another plan, or no plan.
    """
    try:
        known = read_frozen_plan(file)
    except ReportError as error:
        raise UserError(
            f"{str(file)!r} is there and is no frozen plan, or was edited; name another file with --freeze, or "
            "restore it from a copy."
        ) from error
    if known is not None and not is_same_plan(known, made):
        raise UserError(
            f"{str(file)!r} holds another plan, frozen at {known.created} with hash {known.hash[:SHORT_HASH]}…: a "
            "plan is frozen once; name another file with --freeze and another folder with --results."
        )
    return known


def refuse_evaluated(request: Request[RunDetails], plans: Sequence[TaskPlan]) -> None:
    """Refuse to freeze what was evaluated before, as a ledger or the results folder says.

    Raises:
        UserError: the method, task and seeds.
        ReportError: a damaged ledger.
    """
    ledger, results = Ledger(request.artifacts, request.results), ResultStore(request.results)
    for plan in plans:
        for name in dict.fromkeys(planned.cell.name for planned in plan.cells):
            subject = Subject(plan.task.name, name, find_identity(plan))
            known = ledger.find_seeds("reported", subject) | results.seeds(plan.task.name, name)
            both = sorted(known & set(request.seeds))
            if both:
                free = max(known) + 1
                others = join_items(range(free, free + max(2, len(request.seeds)))).replace(" ", "")
                raise UserError(
                    f"{name} on {plan.task.name} was evaluated on seeds {join_items(both)}, as the ledger or the "
                    f"results folder says, and a plan is frozen before; freeze others, as in --seeds {others}."
                )
