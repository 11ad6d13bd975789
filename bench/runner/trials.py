"""Runs the trials of one study: makes what a trial's settings need, scores them, and keeps the best."""

import time
from collections.abc import Mapping

import numpy as np
import optuna

from bench.config.request import resolve_betas, resolve_episodes
from bench.config.spec import Cell, join_items
from bench.progress import ProgressConsole
from bench.runner.blocks import TUNING, Evaluation
from bench.runner.choose_rho import find_choice, keep_tuned
from bench.runner.component_builder import ComponentBuilder
from bench.runner.evaluate import evaluate
from bench.runner.knobs import suggest
from bench.runner.nodes import sort_upstream_first
from bench.runner.plan import PlannedCell
from bench.runner.record import Evaluated, record_evaluation
from bench.runner.study import (
    FINISHED,
    MethodTuning,
    all_trials,
    count_finished,
    count_wanted,
    describe_choice,
    open_journal,
    open_study,
)
from methods.core.policy import Policy
from reports.load.tuning_schema import Choice, describe_values
from suites.task import DensityTask, Task
from training import Trained


def tune_method(tuning: MethodTuning, builder: ComponentBuilder, console: ProgressConsole) -> Choice:
    """Run what is left of one study and keep its best values."""
    request, task = tuning.request, tuning.job.task
    storage = open_journal(request, tuning.job, tuning.name)
    study = open_study(storage, tuning)
    wanted = count_wanted(tuning, storage, study)
    what = "ρ" if not tuning.knobs else join_items(tuning.names).replace("rho", "ρ")
    with console.show_bar(f"{task.name} {tuning.name} tuning {what}", len(request.seeds)) as progress:

        def objective(trial: optuna.Trial) -> float:
            score = run_trial(trial, tuning, builder, console)
            progress(len(study.trials), wanted)
            return score

        left = wanted - count_finished(study.trials)
        if left > 0:
            callback = optuna.study.MaxTrialsCallback(wanted, states=FINISHED)
            study.optimize(objective, n_trials=left, callbacks=[callback])
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


def run_trial(
    trial: optuna.Trial, tuning: MethodTuning, builder: ComponentBuilder, console: ProgressConsole
) -> float:
    """The score of one trial's values, its components made first where nobody has made them."""
    request, task, started = tuning.request, tuning.job.task, time.monotonic()
    rho = None
    if tuning.rho is not None:
        low, high, is_log = min(tuning.range), max(tuning.range), request.details.sampler == "tpe"
        rho = trial.suggest_float("rho", low, high, log=is_log)
    values = {name: suggest(trial, name, knob) for name, knob in tuning.knobs.items()}
    tried = tuning.at(values)
    steps = make_components(tried, builder)
    trial.set_user_attr("training_steps", steps)
    policies = {
        seed: tried.method.policy(builder.models(tried.nodes, [seed]), tried.setup) for seed in request.seeds
    }
    score = score_by_seed(trial, policies, rho, tried)
    numbers = {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}
    logged = {**({} if rho is None else {"rho": rho}), **numbers, "score": score}
    builder.logger.log(f"{task.name}/{tuning.name}/tuning", trial.number, logged)
    trained = f", {steps:,} training steps" if steps else ""
    console.say(
        f"  {task.name} {tuning.name}: tried {describe_values(rho, values)}, score {score:.3g}{trained}, "
        f"{time.monotonic() - started:.1f} s"
    )
    return score


def make_components(tuning: MethodTuning, builder: ComponentBuilder) -> int:
    """Make what a trial's method needs and nobody has made, and count its training steps, all seeds together."""
    steps, seeds = 0, tuning.request.seeds
    for node in sort_upstream_first(tuning.nodes.values()):
        missing = builder.store.missing(node.label, seeds)
        if missing:
            builder.make(node, seeds)
            steps += node.component.steps * len(missing) if isinstance(node.component, Trained) else 0
    return steps


def plan_trial(tuning: MethodTuning, seed: int, rho: float | None) -> PlannedCell:
    """The cell of one seed of a trial."""
    request, job = tuning.request, tuning.job
    cell = Cell(job.task, tuning.name, tuning.method, job.config, rho, None, seed, request.preset, job.terms)
    return PlannedCell(cell, tuning.setup, tuning.nodes, tuning.name)


def score_by_seed(
    trial: optuna.Trial, policies: Mapping[int, Policy], rho: float | None, tuning: MethodTuning
) -> float:
    """Mean score over the tuning episodes of all tuning seeds, reported to the pruner after each seed."""
    task, config, request = tuning.job.task, tuning.job.config, tuning.request
    count, planned = resolve_episodes(task, config), plan_trial(tuning, request.seeds[0], rho)
    scores: list[float] = []
    seconds = 0.0
    for done, (seed, policy) in enumerate(policies.items(), start=1):
        evaluation = Evaluation(
            seed=seed,
            rho=rho or 0.0,
            episodes=range(count),
            betas=resolve_betas(task, config) if isinstance(task, DensityTask) else (),
            device=request.device,
            purpose=TUNING,
        )
        evaluated = evaluate_timed(policy, task, evaluation)
        record_evaluation(request, planned, tuning.about, [evaluated], (trial.study.study_name, trial.number))
        scores += evaluated.outcome.scores
        seconds += evaluated.seconds
        trial.set_user_attr("episodes", count * done)
        trial.set_user_attr("seconds", seconds)
        trial.report(float(np.mean(scores)), done - 1)
        if done < len(policies) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(scores))


def evaluate_timed(policy: Policy, task: Task, evaluation: Evaluation) -> Evaluated:
    """The outcome of an evaluation and the seconds that it took."""
    started = time.monotonic()
    outcome = evaluate(policy, task, evaluation, lambda done, total: None)
    return Evaluated(evaluation, outcome, time.monotonic() - started)
