"""Runs the trials of one study: makes what a trial's settings need, scores them, and keeps the best."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from bench.config.request import resolve_betas, resolve_episodes
from bench.config.spec import Cell, join_items
from bench.progress import ProgressConsole
from bench.runner.blocks import TUNING, Evaluation
from bench.runner.choose_rho import find_choice, keep_tuned
from bench.runner.component_builder import ComponentBuilder
from bench.runner.evaluate import evaluate, split_evaluations
from bench.runner.knobs import suggest
from bench.runner.nodes import sort_upstream_first
from bench.runner.plan import PlannedCell
from bench.runner.record import Evaluated, record_evaluation, share_seconds
from bench.runner.resume import forget, keep_unfinished, resume_evaluation
from bench.runner.study import (
    FINISHED,
    MethodTuning,
    all_trials,
    count_finished,
    count_wanted,
    describe_choice,
    open_journal,
    open_study,
    tuning_folder,
)
from bench.runner.taking import TrialTaker
from foundation.locks import hold_lock
from methods.core.method import KnobValue
from methods.core.policy import Policy
from reports.load.tuning_schema import Choice, describe_values
from suites.task import DensityTask
from training import Progress, Trained


def tune_method(tuning: MethodTuning, builder: ComponentBuilder, console: ProgressConsole) -> Choice:
    """Run what is left of one study and keep its best values."""
    request, task = tuning.request, tuning.job.task
    storage = open_journal(request, tuning.job, tuning.name)
    study = open_study(storage, tuning)
    wanted = count_wanted(tuning, storage, study)
    what = "ρ" if not tuning.knobs else join_items(tuning.names).replace("rho", "ρ")
    with console.show_bar(f"{task.name} {tuning.name} tuning {what}", len(request.seeds)) as progress:
        left = wanted - count_finished(study.trials)
        if left > 0 and request.details.sampler == "grid":
            run_grid(study, tuning, builder, console, progress)
        elif left > 0:
            run_trials(study, tuning, builder, console, progress, wanted)
        if request.details.sampler == "tpe" and count_finished(study.trials) >= wanted:
            make_taker(study, tuning, console).end_left()
        progress(wanted, wanted)
    builder.logger.finish(f"{task.name}/{tuning.name}/tuning")
    choice = describe_choice(tuning, study, all_trials(storage, tuning.purpose))
    earlier = find_choice(request.results, tuning.purpose)
    keep_tuned(request.results, choice)
    console.say(f"  {task.name} {tuning.name}: {describe_search(choice)}")
    if earlier is not None and earlier.names != choice.names:
        console.say(f"    in the place of {earlier.describe()}; the trials of both searches are counted")
    return choice


def describe_search(choice: Choice) -> str:
    """The choice, its score and what the searches for it spent."""
    trained = f", {choice.training_steps:,} training steps" if choice.training_steps else ""
    return (
        f"{choice.describe()} (score {choice.score:.3g}; {choice.trials} trials and {choice.episodes} episodes on "
        f"seeds {join_items(choice.seeds)}{trained})"
    )


SEEDS = "scores"  # user attribute of a trial: seed → score of each of its episodes
STEPS = "steps"  # user attribute of a trial: component → training steps of all seeds that it trained


@dataclass
class RunningTrial:
    """A trial with its values, and what its episodes have given so far.

    Attributes:
        trial: Optuna's.
        tuning: with the trial's settings of the method.
        rho, values: the scale and the knobs that it tries.
        scores: of the episodes of the seeds that are done.
        seconds: that they took.
    """

    trial: optuna.Trial
    tuning: MethodTuning
    rho: float | None
    values: Mapping[str, KnobValue]
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """The mean over all episodes."""
        return float(np.mean(self.scores))


def begin_trial(trial: optuna.Trial, tuning: MethodTuning, builder: ComponentBuilder) -> RunningTrial:
    """Choose the trial's values, and make what they need where nobody has made it."""
    rho = None
    if tuning.rho is not None:
        low, high, is_log = min(tuning.range), max(tuning.range), tuning.request.details.sampler == "tpe"
        rho = trial.suggest_float("rho", low, high, log=is_log)
    values = {name: suggest(trial, name, knob) for name, knob in tuning.knobs.items()}
    tried = tuning.at(values)
    make_components(trial, tried, builder)
    running = RunningTrial(trial, tried, rho, values)
    recall_seeds(running)
    return running


def run_trials(
    study: optuna.Study,
    tuning: MethodTuning,
    builder: ComponentBuilder,
    console: ProgressConsole,
    progress: Progress,
    wanted: int,
) -> None:
    """Run trials one after the other until as many are finished as are wanted, or as many are run as were left."""
    taker = make_taker(study, tuning, console)
    for _ in range(wanted - count_finished(study.trials)):
        if count_finished(study.trials) >= wanted:  # by other processes
            return
        with taker.take() as trial:
            try:
                running = run_trial(trial, tuning, builder)
            except Exception:
                study.tell(trial, state=TrialState.FAIL)
                raise
            if running is None:
                study.tell(trial, state=TrialState.PRUNED)
            else:
                end_trial(running, builder, console)
        progress(len(study.trials), wanted)


def make_taker(study: optuna.Study, tuning: MethodTuning, console: ProgressConsole) -> TrialTaker:
    """What takes trials of a study for this process, and says what it does with those of dead ones."""

    def say(text: str) -> None:
        console.say(f"  {tuning.job.task.name} {tuning.name}: {text}")

    return TrialTaker(study, tuning_folder(tuning.request), say)


def run_trial(trial: optuna.Trial, tuning: MethodTuning, builder: ComponentBuilder) -> RunningTrial | None:
    """One trial with its scores, or None where the pruner stopped it after a seed.

    Seeds that a dead process scored are not rolled again.
    """
    running, seeds = begin_trial(trial, tuning, builder), tuning.request.seeds
    scored = trial.user_attrs.get(SEEDS, {})
    reported = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for done, seed in enumerate(seeds, start=1):
        if str(seed) not in scored:
            evaluate_on_seed([running], seed, builder, lambda done, total: None)
        if done > len(reported):
            trial.report(running.score, done - 1)
        if len(reported) <= done < len(seeds) and trial.should_prune():
            return None
    return running


def end_trial(running: RunningTrial, builder: ComponentBuilder, console: ProgressConsole) -> None:
    """Print what a trial tried and tell its study; one without a finite score counts as failed."""
    report_trial(running, builder, console)
    is_finite = math.isfinite(running.score)
    state = TrialState.COMPLETE if is_finite else TrialState.FAIL
    running.trial.study.tell(running.trial, running.score if is_finite else None, state)


def run_grid(
    study: optuna.Study,
    tuning: MethodTuning,
    builder: ComponentBuilder,
    console: ProgressConsole,
    progress: Progress,
) -> None:
    """Run the trials of a grid that are not finished, all of them together on one seed after the other.

    A trial keeps the scores of each seed that is done, so that a study whose process was killed goes on with the
    next one. A second process that tunes the same waits, and finds the trials finished.
    """
    lock = tuning_folder(tuning.request) / f".{study.study_name.rpartition('/')[2]}.lock"
    with hold_lock(lock, f"grid of {tuning.job.task.name} {tuning.name}", console.say):
        trials, seeds = (
            [begin_trial(each, tuning, builder) for each in open_grid(study, tuning)],
            tuning.request.seeds,
        )
        for place, seed in enumerate(seeds):

            def of_all(done: int, total: int, place: int = place) -> None:
                progress(place * total + done, len(seeds) * total)

            left = [running for running in trials if str(seed) not in running.trial.user_attrs.get(SEEDS, {})]
            if left:
                evaluate_on_seed(left, seed, builder, of_all)
        for running in trials:
            end_trial(running, builder, console)


def open_grid(study: optuna.Study, tuning: MethodTuning) -> list[optuna.Trial]:
    """A trial for each scale of the grid that has no finished one: that of a killed process, or a new one."""
    known = study.get_trials(deepcopy=False)
    finished = {trial.params.get("rho") for trial in known if trial.state in FINISHED}
    begun = {trial.params.get("rho"): trial for trial in known if trial.state == TrialState.RUNNING}
    law: dict[str, BaseDistribution] = {"rho": FloatDistribution(min(tuning.range), max(tuning.range))}
    for rho in tuning.grid:
        if rho not in finished and rho not in begun:
            study.add_trial(create_trial(state=TrialState.RUNNING, params={"rho": rho}, distributions=law))
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    first = {trial.params.get("rho"): trial for trial in reversed(running)}
    return [optuna.Trial(study, first[rho]._trial_id) for rho in tuning.grid if rho not in finished]


def recall_seeds(running: RunningTrial) -> None:
    """Take up what a trial of a killed process scored."""
    for scores in running.trial.user_attrs.get(SEEDS, {}).values():
        running.scores += scores
    running.seconds = running.trial.user_attrs.get("seconds", 0.0)


def evaluate_on_seed(
    trials: Sequence[RunningTrial], seed: int, builder: ComponentBuilder, progress: Progress
) -> None:
    """Evaluate trials that differ in ρ alone on one seed, and enter what they scored."""
    tuning = trials[0].tuning
    task, config, request = tuning.job.task, tuning.job.config, tuning.request
    guard, episodes = builder.guard, range(resolve_episodes(task, config))
    evaluations = [
        Evaluation(
            seed=seed,
            rho=running.rho or 0.0,
            episodes=episodes,
            betas=resolve_betas(task, config) if isinstance(task, DensityTask) else (),
            device=request.device,
            purpose=TUNING,
            done=resume_evaluation(
                plan_trial(running.tuning, seed, running.rho), episodes, TUNING, request, builder.console
            ),
        )
        for running in trials
    ]

    def make_policy() -> Policy:
        return guard.split(tuning.method.policy(builder.models(tuning.nodes, [seed]), tuning.setup))

    with keep_unfinished(evaluations):
        for places in guard.act(lambda: split_evaluations(make_policy(), task, evaluations)):
            together, started = [evaluations[place] for place in places], time.monotonic()
            outcomes = guard.act(lambda each=together: evaluate(make_policy(), task, each, progress))
            made = share_seconds(together, outcomes, time.monotonic() - started)
            for place, evaluated in zip(places, made, strict=True):
                add_seed(trials[place], evaluated)
                forget(evaluated.evaluation)


def add_seed(running: RunningTrial, evaluated: Evaluated) -> None:
    """Enter what a trial scored on a seed into the ledger and the trial."""
    trial, tuning = running.trial, running.tuning
    planned = plan_trial(tuning, tuning.request.seeds[0], running.rho)
    record_evaluation(tuning.request, planned, tuning.about, [evaluated], (trial.study.study_name, trial.number))
    running.scores += evaluated.outcome.scores
    running.seconds += evaluated.seconds
    scores = {str(evaluated.evaluation.seed): list(evaluated.outcome.scores)}
    done = {**trial.user_attrs.get(SEEDS, {}), **scores}
    trial.set_user_attr("episodes", len(done) * len(evaluated.evaluation.episodes))
    trial.set_user_attr("seconds", running.seconds)
    trial.set_user_attr(SEEDS, done)  # last: what it has is not done again


def report_trial(running: RunningTrial, builder: ComponentBuilder, console: ProgressConsole) -> None:
    """Print what a trial tried and log it."""
    tuning, rho, values = running.tuning, running.rho, running.values
    numbers = {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}
    logged = {**({} if rho is None else {"rho": rho}), **numbers, "score": running.score}
    name = f"{tuning.job.task.name} {tuning.name}"
    builder.logger.log(f"{name.replace(' ', '/')}/tuning", running.trial.number, logged)
    steps = running.trial.user_attrs["training_steps"]
    trained = f", {steps:,} training steps" if steps else ""
    tried, score, spent = describe_values(rho, values), f"{running.score:.3g}", f"{running.seconds:.1f} s"
    console.say(f"  {name}: tried {tried}, score {score}{trained}, {spent}")


def make_components(trial: optuna.Trial, tuning: MethodTuning, builder: ComponentBuilder) -> None:
    """Make what a trial's method needs and nobody has made, and enter its training steps, all seeds together.

    They are entered before they are trained, so that a trial that another process goes on with counts them once.
    """
    seeds, steps = tuning.request.seeds, dict(trial.user_attrs.get(STEPS, {}))
    for node in sort_upstream_first(tuning.nodes.values()):
        missing = builder.store.missing(node.label, seeds)
        if missing:
            each = node.component.steps if isinstance(node.component, Trained) else 0
            steps.setdefault(node.label, each * len(missing))
            trial.set_user_attr(STEPS, steps)
            builder.make(node, seeds)
    trial.set_user_attr("training_steps", sum(steps.values()))


def plan_trial(tuning: MethodTuning, seed: int, rho: float | None) -> PlannedCell:
    """The cell of one seed of a trial."""
    request, job = tuning.request, tuning.job
    cell = Cell(job.task, tuning.name, tuning.method, job.config, rho, None, seed, request.preset, job.terms)
    return PlannedCell(cell, tuning.setup, tuning.nodes, tuning.name)
