"""Runs a check in a process of its own, so that a crash or a hang in a library is a finding and not the end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import bench
from bench.doctor.finding import Finding, Subject
from foundation.text import clean_line

SECONDS = 30.0
"""After which a check is given up; each takes some seconds on a busy core."""
_MARK = "findings: "


@dataclass
class Processes:
    """The processes of checks that have not ended.

    Attributes:
        running: those that were started and are waited for.
        is_over: whether no more may be started.
    """

    running: set[subprocess.Popen[str]] = field(default_factory=set)
    is_over: bool = False

    def end(self) -> None:
        """Kill all of them, whose checks end with it."""
        self.is_over = True
        for process in list(self.running):
            process.kill()

    def isolate(
        self,
        check: str,
        subject: Subject,
        *,
        argument: str = "",
        given: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> list[Finding] | str:
        """The findings of a check that another process makes, or how that process ended without any.

        Args:
            check: its name in `bench.doctor.examine.ISOLATED`.
            subject: what is examined.
            argument: what the check takes, such as a suite.
            given: environment variables.
            seconds: after which it is given up.
        """
        root = str(Path(bench.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        code = "from bench.doctor.isolated import main; main()"
        with self._start(
            [sys.executable, "-c", code, check, subject.to_json(), argument],
            {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **(given or {})},
        ) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return f"did not end within {seconds:g} s"
        return (
            read_findings(out)
            if _MARK in out and not process.returncode
            else describe_end(process.returncode, err)
        )

    @contextlib.contextmanager
    def _start(self, command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )
        self.running.add(process)
        try:
            if self.is_over:
                process.kill()
            yield process
        finally:
            self.running.discard(process)


def read_findings(out: str) -> list[Finding]:
    """The findings in what a check's process printed."""
    return [Finding(**each) for each in json.loads(out.rpartition(_MARK)[2])]


def describe_end(code: int, err: str) -> str:
    """How a process ended that found nothing: by which signal, or its last words."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return clean_line(lines[-1][:200]) if lines else f"ended with exit code {code}"


def main() -> None:
    """What the other process does: `CHECK SUBJECT ARGUMENT` → the findings, on the last line."""
    from bench.doctor.examine import ISOLATED

    name, subject, argument = sys.argv[1:]
    checks: Mapping[str, Callable[[Subject, str], list[Finding]]] = ISOLATED
    findings = checks[name](Subject.from_json(subject), argument)
    print(f"\n{_MARK}{json.dumps([asdict(each) for each in findings])}")
