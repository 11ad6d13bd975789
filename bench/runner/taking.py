"""Which process runs a trial: the one that has its lease, which it gives signs of life by.

A trial whose process died is taken up by the next that asks, with its number, its values and the seeds that it has
scored, so that a study whose process was killed has the trials of one that ran through.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from foundation.leases import Holder, Lease, describe_self
from foundation.locks import hold_lock

BEGUN = "begun"  # user attribute of a trial: how many processes began it that did not end it, this one with them
TRIES = 3  # a trial that three processes died of is given up


@dataclass
class TrialLease:
    """The lease of one trial, as one process sees it; how long a far holder is silent counts from the first look.

    Attributes:
        folder: of the lease's files.
    """

    folder: Path
    _lease: Lease = field(init=False)
    _looks: Iterator[Holder | None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._lease = Lease(self.folder)

    def take(self) -> bool:
        """Take the lease if nobody has it, or its holder is gone."""
        if self._looks is None:
            self._looks = self._lease.take(describe_self(has_flock=False))
        for _ in self._looks:
            return False
        self._looks = None
        return True

    def release(self) -> None:
        """Let another process take it."""
        self._lease.release()

    def remove(self) -> None:
        """Remove its files, once the trial has ended and nobody asks for it."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class TrialTaker:
    """Takes trials of one study for this process.

    Attributes:
        study: that they are of.
        folder: for the leases.
        say: takes a line for the user.
    """

    study: optuna.Study
    folder: Path
    say: Callable[[str], None]
    _leases: dict[int, TrialLease] = field(default_factory=dict)

    @contextlib.contextmanager
    def take(self) -> Iterator[optuna.Trial]:
        """A trial to run: one that a dead process left, or a new one; the block is to tell the study its end."""
        with self._hold():
            trial = self._take_dead() or self._begin()
        lease = self._leases[trial.number]
        try:
            yield trial
        except KeyboardInterrupt:  # to be stopped is not to die of it
            trial.set_user_attr(BEGUN, trial.user_attrs.get(BEGUN, 1) - 1)
            raise
        finally:
            lease.release()
        lease.remove()

    def end_left(self) -> None:
        """End, as failed, the trials whose process is gone, for a study that has as many as it is to have.

        Nobody goes on with them; what they spent stays in them, and is counted.
        """
        with self._hold():
            for known, lease in self._list_dead():
                self._give_up(known, lease)
                self.say(f"trial {known.number}, whose process is gone, is left: the study has all its trials")

    def _begin(self) -> optuna.Trial:
        """A new trial, whose lease is this process's."""
        trial = self.study.ask()
        self._lease_of(trial.number).take()
        return trial

    def _take_dead(self) -> optuna.Trial | None:
        """The first trial whose process is gone, with its lease; None if there is none.

        One that several processes died of counts as failed.
        """
        for known, lease in self._list_dead():
            begun = known.user_attrs.get(BEGUN, 1)
            if begun < TRIES:
                trial = optuna.Trial(self.study, known._trial_id)
                trial.set_user_attr(BEGUN, begun + 1)
                self.say(f"trial {known.number}, whose process is gone, goes on")
                return trial
            self._give_up(known, lease)
            self.say(f"trial {known.number} is given up: {begun} processes died of it")
        return None

    def _list_dead(self) -> Iterator[tuple[FrozenTrial, TrialLease]]:
        """The trials that no process runs any more, with the lease of each, which is this process's now."""
        for known in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lease = self._lease_of(known.number)
            if not lease.take():
                continue
            if self._has_ended(known):  # before its lease was looked at
                lease.remove()
            else:
                yield known, lease

    def _give_up(self, known: FrozenTrial, lease: TrialLease) -> None:
        """End a trial as failed, whose lease is this process's."""
        self.study.tell(known.number, state=TrialState.FAIL)
        lease.release()
        lease.remove()

    def _hold(self) -> contextlib.AbstractContextManager[object]:
        """The lock of the study's trials, under which nobody looks for one before its lease is taken."""
        return hold_lock(self.folder / f".{self._key}.lock", f"trials of {self.study.study_name}", self.say)

    def _lease_of(self, number: int) -> TrialLease:
        return self._leases.setdefault(number, TrialLease(self.folder / f".{self._key}-{number}.holders"))

    def _has_ended(self, trial: FrozenTrial) -> bool:
        """Whether a trial that was listed as running is not any more."""
        return self.study.get_trials(deepcopy=False)[trial.number].state.is_finished()

    @property
    def _key(self) -> str:
        return self.study.study_name.rpartition("/")[2]
