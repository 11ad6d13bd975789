"""What a run takes where a given setting is not given, held to values by hand from the papers and codes."""

from command_line import jobs_of

from bench.config.precedence import Case, declare_settings
from methods.core.registry import get_method
from suites.registry import get_suite, get_tasks

UMAZE, HOPPER, ANTMAZE = "maze2d-umaze", "hopper-medium-v2", "antmaze-umaze"
SUITE_OF = {UMAZE: "maze2d", ANTMAZE: "antmaze"}


def declared(preset, task, given, terms="shared"):
    suite = get_suite(SUITE_OF[task])
    (named,) = get_tasks(suite, (task,))
    methods = {name: get_method(name) for name in ("idql", "swg")}
    return declare_settings(Case(preset, terms, suite, named, methods, given))


def test_a_given_setting_declares_what_is_taken_where_it_alone_is_not_given():
    """By hand: 16 candidates of the preset, 64 of IDQL's code, an expectile of 0.9 on AntMaze."""
    assert declared("quick", UMAZE, {"idql.candidates": 4}) == {"idql.candidates": (16, "default")}
    assert declared("paper", UMAZE, {"idql.candidates": 4}) == {"idql.candidates": (64, "published")}
    assert declared("quick", ANTMAZE, {"critic.expectile": 0.5, "swg.weight": "linex"}) == {
        "critic.expectile": (0.9, "default"),
        "swg.weight": ("smooth-expectile", "default"),
    }
    assert declared("quick", UMAZE, {"cep.support_actions": 3}) == {}, "a method that is not compared"
    assert declared("quick", UMAZE, {}) == {}


def test_a_job_declares_the_settings_of_a_command():
    (job,) = jobs_of(["run", "--suite", "maze2d", "--tasks", UMAZE, "--preset", "quick", "--idql.candidates", "4"])
    assert job.declared == {"idql.candidates": (16, "default")}
    jobs = jobs_of(["run", "--experiment", "aepo-figure6", "--tasks", HOPPER.replace("medium", "medium-expert")])
    betas = [job.declared for job in jobs if "aepo.inverse_temperature" in job.given]
    assert betas == [{"guidance.rescale": (False, "default"), "aepo.inverse_temperature": (3.0, "default")}] * 5
