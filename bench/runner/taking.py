"""Which process runs a trial: the one that holds its lock, which the system releases when that process ends.

A trial whose process died is taken up by the next that asks, with its number, its values and the seeds that it has
scored, so that a study whose process was killed has the trials of one that ran through.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, TrialState

BEGUN = "begun"  # user attribute of a trial: how many processes began it that did not end it, this one with them
TRIES = 3  # a trial that three processes died of is given up


@contextlib.contextmanager
def take_trial(study: optuna.Study, folder: Path, say: Callable[[str], None]) -> Iterator[optuna.Trial]:
    """A trial to run: one that a dead process left, or a new one; the block is to tell the study its end.

    Args:
        study: that it is of.
        folder: for the locks.
        say: takes a line for the user.
    """
    key = study.study_name.rpartition("/")[2]

    def lock_of(number: int) -> FileLock:
        return FileLock(folder / f".{key}-{number}.lock")

    with FileLock(folder / f".{key}.lock"):  # between a new trial and its lock nobody may look
        trial = find_dead_trial(study, lock_of, say)
        if trial is None:
            new = study.ask()
            lock = lock_of(new.number)
            lock.acquire()
            trial = new, lock
    taken, lock = trial
    try:
        yield taken
        Path(lock.lock_file).unlink(missing_ok=True)
    except KeyboardInterrupt:  # to be stopped is not to die of it
        taken.set_user_attr(BEGUN, taken.user_attrs.get(BEGUN, 1) - 1)
        raise
    finally:
        lock.release()


def find_dead_trial(
    study: optuna.Study, lock_of: Callable[[int], FileLock], say: Callable[[str], None]
) -> tuple[optuna.Trial, FileLock] | None:
    """The first trial that runs and whose process is gone, with its lock taken; None if there is none.

    One that several processes died of counts as failed.
    """
    for known in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        lock = lock_of(known.number)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        if not is_running(study, known):  # it ended before its lock was looked at
            lock.release()
            continue
        trial, begun = optuna.Trial(study, known._trial_id), known.user_attrs.get(BEGUN, 1)
        if begun < TRIES:
            trial.set_user_attr(BEGUN, begun + 1)
            say(f"trial {known.number}, whose process is gone, goes on")
            return trial, lock
        study.tell(trial, state=TrialState.FAIL)
        say(f"trial {known.number} is given up: {begun} processes died of it")
        lock.release()
    return None


def is_running(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Whether a trial still has no end, as the journal has it now."""
    return study.get_trials(deepcopy=False)[trial.number].state == TrialState.RUNNING
