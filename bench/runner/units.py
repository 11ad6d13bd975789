"""Splits a plan into units of work: a component to train, a method to evaluate at its scales, or one to tune.

A unit can start once the components it needs are made; so units of one task or of many run in one process, or
in several at once, with the same results.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.config.request import Job, Request, resolve_betas, resolve_episodes
from bench.config.spec import Cell, join_items
from bench.progress import ProgressConsole
from bench.runner.announced import announce_evaluations
from bench.runner.blocks import REPORT, Evaluation
from bench.runner.component_builder import ComponentBuilder
from bench.runner.component_records import list_components, record_components
from bench.runner.data import load_data
from bench.runner.evaluate import Outcome, evaluate, split_evaluations
from bench.runner.extend import find_earlier, join
from bench.runner.loggers import Logger, make_logger
from bench.runner.nodes import Node, sort_upstream_first
from bench.runner.plan import PlannedCell, TaskPlan, group_cells
from bench.runner.record import Evaluated, record_evaluation, share_seconds
from bench.runner.result import Making, make_failed_result, make_result, pack_arrays
from bench.runner.resume import forget, keep_unfinished, resume_evaluation
from bench.runner.study import MethodTuning
from bench.runner.trials import tune_method
from bench.runner.weights import measure_weights
from bench.storage.components import ComponentStore
from bench.storage.results import ResultStore
from methods.core.policy import Policy
from reports.load import schema
from suites.task import DensityTask, Task
from suites.toy.references import Reference, find_reference
from training import Data, Progress


@dataclass(frozen=True)
class Unit:
    """One component to make, one method to evaluate at its scales, or one method to tune.

    Attributes:
        name: the label of the component or of the results.
        task, job: the task it belongs to, and one of its jobs.
        data, about: the transitions of its seeds, None where they have to be read again, and what they are.
        needs: names of the units that must be done before.
        make: the component and the seeds that miss it, or None.
        group: the cells to evaluate together, if it makes and tunes nothing.
        tuning: the method to tune, or None.
    """

    name: str
    task: Task
    job: Job
    data: Data | None
    about: schema.Data
    needs: frozenset[str]
    make: tuple[Node, tuple[int, ...]] | None = None
    group: tuple[PlannedCell, ...] = ()
    tuning: MethodTuning | None = None

    @property
    def seed(self) -> int:
        """A training seed that has these data, as all seeds of the unit have."""
        if self.tuning is not None:
            return self.tuning.request.seeds[0]
        return self.make[1][0] if self.make is not None else self.group[0].cell.seed

    @property
    def where(self) -> str:
        """The task for the console, with the seed where only that has these data."""
        return f"{self.task.name} seed {self.seed}" if self.about.per_seed else self.task.name


def split_into_units(plan: TaskPlan) -> list[Unit]:
    """The units of a task in an order in which they can be done one after the other."""
    missing = {node.label for node, _ in plan.missing}

    def needed(nodes: Iterable[Node]) -> frozenset[str]:
        return frozenset(node.label for node in sort_upstream_first(nodes)) & missing

    def of_seed(seed: int) -> tuple[Task, Job, Data, schema.Data]:
        return plan.task, plan.job, plan.data[seed].data, plan.data[seed].about

    making = [
        Unit(node.label, *of_seed(seeds[0]), needed(node.upstream.values()), make=(node, seeds))
        for node, seeds in plan.missing
    ]
    evaluating = [
        Unit(group[0].label, *of_seed(group[0].cell.seed), needed(group[0].models.values()), group=tuple(group))
        for group in group_cells(plan.open)
    ]
    return making + evaluating


@dataclass
class Worker:
    """Does units; keeps the loaded components of the task and the data that it did last.

    Attributes:
        request: where things lie and what computes.
        console: shows progress.
    """

    request: Request[Any]
    console: ProgressConsole
    _logger: Logger | None = None
    _made_for: tuple[Task, schema.Data] | None = None
    _builder: ComponentBuilder | None = None

    def execute(self, unit: Unit) -> None:
        """Make the unit's component, tune its method or evaluate its group; what is finished is left alone."""
        builder = self._builder_of(unit)
        if unit.make is not None:
            builder.make(*unit.make)
        elif unit.tuning is not None:
            tune_method(unit.tuning, builder, self.console)
        else:
            self._evaluate(unit, builder)

    def _builder_of(self, unit: Unit) -> ComponentBuilder:
        if self._made_for != (unit.task, unit.about) or self._builder is None:
            data = self._read_data(unit).to(self.request.device)
            store = ComponentStore(self.request.artifacts)
            self._made_for = (unit.task, unit.about)
            self._logger = self._logger or make_logger(self.request.logger, self.request.results)
            self._builder = ComponentBuilder(store, data, unit.where, self.console, self._logger)
        return self._builder

    def _read_data(self, unit: Unit) -> Data:
        """The transitions that came with the unit, or from their source where they did not."""
        if unit.data is not None:
            return unit.data
        source = self.request.sources[unit.task.name]
        return load_data(unit.task, unit.job.config, source, self.request.artifacts, unit.seed).data

    def _evaluate(self, unit: Unit, builder: ComponentBuilder) -> None:
        """Evaluate one method for its open seeds and scales, and write each result once it is done."""
        record_components(list_components(unit.group), builder.store, self.request.results, self.console.say)
        unit = self._set_failed_apart(unit, builder)
        if not unit.group:
            return
        cell, groups = unit.group[0].cell, self._group_by_seed(unit, builder)
        references = self._find_references(cell)
        scales = dict.fromkeys(f"{p.cell.rho:g}" for p in unit.group if p.cell.rho is not None)
        rho = f" ρ={join_items(scales)}" if scales else ""
        seeds = len({planned.cell.seed for planned in unit.group})
        with self.console.show_bar(f"{unit.where} {cell.name}{rho}", seeds) as progress:
            for place, group in enumerate(groups):

                def of_all(done: int, total: int, place: int = place) -> None:
                    progress(place * total + done, len(groups) * total)

                self._evaluate_group(group, unit.about, builder, references, of_all)

    def _set_failed_apart(self, unit: Unit, builder: ComponentBuilder) -> Unit:
        """The unit with the cells whose components are made; of the others the results say what failed."""
        made: list[PlannedCell] = []
        for planned in unit.group:
            nodes = sort_upstream_first(planned.models.values())
            failure = builder.find_failure(nodes, planned.cell.seed)
            if failure is None:
                made.append(planned)
            else:
                self._write_failure(planned, failure, 0.0, unit.about, builder)
        return replace(unit, group=tuple(made))

    def _write_failure(
        self,
        planned: PlannedCell,
        failure: schema.Failure,
        seconds: float,
        about: schema.Data,
        builder: ComponentBuilder,
    ) -> None:
        """Write that a cell has no score, and say so; seconds are those of its evaluation."""
        cell = planned.cell
        results, nodes = ResultStore(self.request.results), sort_upstream_first(planned.models.values())
        spent = schema.Seconds(train=builder.seconds(nodes, cell.seed), evaluate=seconds)
        results.write(
            planned.label, make_failed_result(Making(planned, about, spent, self.request.device), failure)
        )
        rho = f" ρ={cell.rho:g}" if cell.rho is not None else ""
        self.console.say(
            f"  {cell.task.name} {cell.name}{rho} seed {cell.seed} failed in {failure.step}: {failure.reason}"
        )

    def _group_by_seed(self, unit: Unit, builder: ComponentBuilder) -> list[list[PlannedCell]]:
        """The cells of one seed whose scales are evaluated together, seed after seed."""
        groups: list[list[PlannedCell]] = []
        for seed in dict.fromkeys(planned.cell.seed for planned in unit.group):
            cells = [planned for planned in unit.group if planned.cell.seed == seed]
            scales, device = [planned.cell.rho or 0.0 for planned in cells], self.request.device
            at_scales = [Evaluation(seed, rho, range(0), (), device) for rho in scales]
            places = builder.guard.act(
                lambda cell=cells[0], each=at_scales: split_evaluations(
                    make_policy(cell, builder), unit.task, each
                )
            )
            groups += [[cells[place] for place in group] for group in places]
        return groups

    def _find_references(self, cell: Cell) -> dict[float, Reference]:
        """What the samples of a density are held against at each β; none for another task."""
        if not isinstance(cell.task, DensityTask):
            return {}
        found, samples = {}, resolve_episodes(cell.task, cell.config)
        for beta in resolve_betas(cell.task, cell.config):
            with self.console.show_bar(f"{cell.task.name} noise floor, β={beta:g}") as progress:
                found[beta] = find_reference(cell.task.density, beta, samples, self.request.artifacts, progress)
        return found

    def _evaluate_group(
        self,
        group: Sequence[PlannedCell],
        about: schema.Data,
        builder: ComponentBuilder,
        references: Mapping[float, Reference],
        progress: Progress,
    ) -> None:
        """Evaluate the cells of one seed together and write their results."""
        request, started = self.request, time.monotonic()
        store = ResultStore(request.results)
        earlier = [find_earlier(planned, store, request.device) for planned in group]
        evaluations = [
            self._plan_evaluation(planned, len(before.episodes) if before is not None else 0, references)
            for planned, before in zip(group, earlier, strict=True)
        ]
        with announce_evaluations(planned.file(store) for planned in group), keep_unfinished(evaluations):
            outcomes = builder.guard.act(
                lambda: evaluate(make_policy(group[0], builder), group[0].cell.task, evaluations, progress)
            )
            made = share_seconds(evaluations, outcomes, time.monotonic() - started)
            for planned, before, evaluated in zip(group, earlier, made, strict=True):
                record_evaluation(request, planned, about, [evaluated])
                if evaluated.outcome.failure is not None:
                    self._write_failure(planned, evaluated.outcome.failure, evaluated.seconds, about, builder)
                else:
                    self._write_result(planned, before, evaluated, about, builder)
                forget(evaluated.evaluation)

    def _plan_evaluation(
        self, planned: PlannedCell, first: int, references: Mapping[float, Reference]
    ) -> Evaluation:
        """The evaluation of a cell, with what was done of it before a run was stopped or killed.

        Args:
            planned: the cell.
            first: number of the first episode that no result has.
            references: see `Evaluation`.
        """
        cell = planned.cell
        episodes = range(first, resolve_episodes(cell.task, cell.config))
        return Evaluation(
            seed=cell.seed,
            rho=cell.rho or 0.0,
            episodes=episodes,
            betas=resolve_betas(cell.task, cell.config) if isinstance(cell.task, DensityTask) else (),
            device=self.request.device,
            references=references,
            done=resume_evaluation(planned, episodes, REPORT, self.request, self.console),
        )

    def _write_result(
        self,
        planned: PlannedCell,
        earlier: schema.Result | None,
        evaluated: Evaluated,
        about: schema.Data,
        builder: ComponentBuilder,
    ) -> None:
        """Write the result of one cell, with the episodes that it had before."""
        cell, outcome, seconds = planned.cell, evaluated.outcome, evaluated.seconds
        if earlier is not None:
            kept, outcome = len(earlier.episodes), join(earlier, outcome)
            seconds += earlier.seconds.evaluate
            self.console.say(f"  {cell.task.name} {cell.name} seed {cell.seed}: {kept} finished episodes kept")
        nodes = sort_upstream_first(planned.models.values())
        spent = schema.Seconds(train=builder.seconds(nodes, cell.seed), evaluate=seconds)
        making, weights = Making(planned, about, spent, self.request.device), measure_weights(planned, builder)
        result = make_result(making, outcome, weights)
        results = ResultStore(self.request.results)
        results.write(planned.label, result, pack_arrays(outcome, cell.task))
        log_outcome(builder.logger, f"{cell.task.name}/{planned.label}/seed-{cell.seed}", outcome)


def make_policy(planned: PlannedCell, builder: ComponentBuilder) -> Policy:
    """A new policy of a cell's method and seed."""
    cell = planned.cell
    return builder.guard.split(cell.method.policy(builder.models(planned.models, [cell.seed]), planned.setup))


def log_outcome(logger: Logger, name: str, outcome: Outcome) -> None:
    """Stream a result: each episode's return, length and score, or the distance at each β, and the mean score."""
    for number, episode in enumerate(outcome.episodes):
        values = {"return": episode.episode_return, "length": episode.length, "normalized": episode.normalized}
        logger.log(name, number, values)
    for number, density in enumerate(outcome.densities):
        logger.log(name, number, {"beta": density.inverse_temperature, "distance": density.distance})
    logger.log(name, max(len(outcome.episodes), len(outcome.densities)), {"score": outcome.score})
    logger.finish(name)
