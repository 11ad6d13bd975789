"""Each suite's simulator makes a step, and MuJoCo draws a picture; each in a process of its own."""

import os
import time

import numpy as np

from bench.doctor.finding import Finding, Subject
from bench.doctor.isolated import Processes
from foundation.program import program_name

BACKENDS = ("egl", "osmesa", "glfw")
MODEL = "<mujoco><worldbody><light pos='0 0 3'/><geom size='1'/></worldbody></mujoco>"
VIDEOS = "only `render` needs it, and not for maps of mazes"


def find_simulator(processes: Processes, subject: Subject, suite: str) -> list[Finding]:
    """The simulator of a suite, in another process."""
    found = processes.isolate("simulator", subject, argument=suite)
    if not isinstance(found, str):
        return found
    remedy = (
        "reinstall the simulators, as by `python -m pip install --force-reinstall -r requirements.lock`; other "
        "suites run without it"
    )
    return [Finding(f"simulator {suite}", found, "fail", remedy)]


def step_simulator(subject: Subject, suite: str) -> list[Finding]:
    """A reset and a step of the first task of a suite; of a density, a few points."""
    from suites import ControlTask, get_suite

    if subject.plugin:
        from bench.plugins import load_plugins  # imports torch

        load_plugins(subject.plugin)
    started, task = time.monotonic(), get_suite(suite).tasks[0]
    if not isinstance(task, ControlTask):
        return [Finding(f"simulator {suite}", "none: a known density")]
    environment = task.make_environment()
    environment.reset(seed=0)
    observation, reward, *_ = environment.step(np.zeros(task.action_dim, np.float32))
    environment.close()
    if not (np.isfinite(observation).all() and np.isfinite(float(reward))):
        return [
            Finding(
                f"simulator {suite}",
                f"{task.name}: a step gives numbers that are not finite",
                "fail",
                f"see `{program_name()} check-suite`",
            )
        ]
    return [Finding(f"simulator {suite}", f"{task.name}: reset and step in {time.monotonic() - started:.1f} s")]


def find_rendering(processes: Processes, subject: Subject) -> list[Finding]:
    """A picture by the backend of $MUJOCO_GL, else by the first that can."""
    return [find_backend(processes, subject)[1]]


def find_backend(processes: Processes, subject: Subject) -> tuple[str | None, Finding]:
    """The backend that draws: that of $MUJOCO_GL, else the first that can; None where none does, with a remedy."""
    given = os.environ.get("MUJOCO_GL")
    reasons: list[str] = []
    for backend in (given,) if given else BACKENDS:
        found = processes.isolate("rendering", subject, argument=backend, given={"MUJOCO_GL": backend})
        if not isinstance(found, str):
            (finding,) = found
            return (backend if finding.state == "ok" else None), finding
        reasons.append(f"{backend}: {found}")
    remedy = (
        "install libegl1 or libosmesa6 by your system's packages, then set MUJOCO_GL=egl or MUJOCO_GL=osmesa"
        if not given
        else f"set MUJOCO_GL to another of {', '.join(BACKENDS)}, or leave it unset"
    )
    return None, Finding("rendering", f"none ({VIDEOS}); {'; '.join(reasons)}", "warn", remedy)


def draw_picture(subject: Subject, backend: str) -> list[Finding]:
    """A picture of a ball, without a screen."""
    import mujoco

    model = mujoco.MjModel.from_xml_string(MODEL)  # pyright: ignore[reportAttributeAccessIssue]
    data = mujoco.MjData(model)  # pyright: ignore[reportAttributeAccessIssue]
    mujoco.mj_forward(model, data)  # pyright: ignore[reportAttributeAccessIssue]
    with mujoco.Renderer(model, 32, 32) as renderer:
        renderer.update_scene(data)
        picture = renderer.render()
    if not picture.any():
        return [
            Finding("rendering", f"MUJOCO_GL={backend} draws nothing ({VIDEOS})", "warn", "try another backend")
        ]
    return [Finding("rendering", f"MUJOCO_GL={backend} draws ({VIDEOS})")]


def list_plugin(subject: Subject, argument: str) -> list[Finding]:
    """What each plug-in registers."""
    from bench.plugins import load_plugin

    findings: list[Finding] = []
    for path in subject.plugin:
        found = load_plugin(path)
        names = [*(f"method {name}" for name in found.methods), *(f"suite {name}" for name in found.suites)]
        findings.append(Finding(f"plug-in {path.name}", f"registers {', '.join(names)}"))
    return findings


def find_plugins(processes: Processes, subject: Subject) -> list[Finding]:
    """The plug-ins, in another process."""
    if not subject.plugin:
        return []
    found = processes.isolate("plugins", subject)
    remedy = "mend the file; check-method and check-suite say more of it"
    return [Finding("plug-ins", found, "fail", remedy)] if isinstance(found, str) else found


def name_suites(subject: Subject) -> tuple[str, ...]:
    """The suites to examine.

    Raises:
        UserError: an unknown name.
        ImportError: their declarations cannot be imported.
    """
    from foundation.errors import unknown_name
    from suites.registry import suite_names

    names = suite_names()
    if subject.suite is None:
        return names
    if subject.suite not in names and not subject.plugin:
        raise unknown_name("suite", subject.suite, names)
    return (subject.suite,)
