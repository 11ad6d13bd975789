"""Settings come in the stated order under both terms, held to values written by hand from the papers and codes."""

import re

import pytest
from command_line import jobs_of

from bench.cli.arguments import parse
from bench.config.check_settings import check_settings
from bench.config.precedence import TABLE, Case, resolve_settings
from bench.config.presets import PRESETS
from bench.config.spec import Config, flatten, replace_dotted
from bench.runner.choose_rho import Purpose, choose, keep_tuned
from methods.core.registry import get_method, method_names
from methods.presets.value import Value
from reports.load.schema import Data
from reports.load.tuning_schema import Choice, Trial
from suites.registry import get_suite, get_tasks, suite_names

UMAZE, HOPPER, ANTMAZE, PEN = "maze2d-umaze", "hopper-medium-v2", "antmaze-umaze", "pen-human"
SUITE_OF = {UMAZE: "maze2d", HOPPER: "locomotion", ANTMAZE: "antmaze", PEN: "adroit-pen", "moons": "toy"}


def found(preset, task, method, terms):
    """Every setting of a method on a task, by its dotted name."""
    suite = get_suite(SUITE_OF[task])
    (declared,) = get_tasks(suite, (task,))
    names = [method] if terms == "own" else method_names()
    methods = {name: get_method(name) for name in names}
    config, made = resolve_settings(Case(preset, terms, suite, declared, methods, {}))
    return flatten(config) | flatten(made[method], method)


# What the papers (arXiv 2505.18345, 2304.10573, 2304.12824, 2407.20109) and their authors' repositories say.
OWN = [
    ("swg", "paper", HOPPER, {"denoiser.levels": 15, "denoiser.batch_size": 1024, "denoiser.steps": 1_000_000}),
    ("swg", "paper", ANTMAZE, {"denoiser.steps": 3_000_000, "critic.expectile": 0.9}),
    ("swg", "paper", PEN, {"denoiser.learning_rate": 3e-5}),
    ("swg", "paper", HOPPER, {"denoiser.learning_rate": 3e-4, "swg.weight": "smooth-expectile"}),
    ("swg", "paper", HOPPER, {"critic.steps": 1_000_000, "swg.shrunk_clip": False}),
    ("swg", "official", HOPPER, {"critic.steps": 500_000, "swg.weight": "hard-expectile"}),
    ("swg", "official", ANTMAZE, {"denoiser.steps": 1_000_000, "swg.shrunk_clip": True}),
    ("swg", "official", HOPPER, {"sampler.temperature": 0.0, "sampler.clip": "iterate", "denoiser.ema": 0.001}),
    ("swg", "paper", "moons", {"denoiser.network": "mlp", "denoiser.width": 512, "denoiser.blocks": 6}),
    ("swg", "paper", "moons", {"denoiser.activation": "gelu", "denoiser.ema": None, "denoiser.weight_decay": 0.0}),
    ("swg", "paper", HOPPER, {"denoiser.weight_decay": 0.0, "denoiser.activation": "silu", "denoiser.ema": 0.001}),
    ("swg", "official", HOPPER, {"denoiser.weight_decay": 1e-4}),
    ("swg", "official", "moons", {"denoiser.network": "mlp", "denoiser.levels": 100, "sampler.clip": "clean"}),
    ("swg", "official", "moons", {"sampler.temperature": 1.0, "denoiser.learning_rate": 2e-5}),
    ("swg", "paper", HOPPER, {"swg.weigh_by": "trained", "sampler.temperature": 1.0}),
    ("swg", "official", HOPPER, {"swg.weigh_by": "target"}),
    ("swg", "official", HOPPER, {"denoiser.first_level": 0, "denoiser.layer_norm_epsilon": 1e-6}),
    ("idql", "official", HOPPER, {"denoiser.first_level": 0, "denoiser.layer_norm_epsilon": 1e-6}),
    ("swg", "official", HOPPER, {"critic.value_layer_norm": True, "critic.value_layer_norm_epsilon": 1e-6}),
    ("idql", "official", HOPPER, {"critic.value_layer_norm": True, "critic.value_layer_norm_epsilon": 1e-6}),
    ("swg-r", "official", HOPPER, {"critic.value_layer_norm_epsilon": 1e-6}),
    ("swg", "paper", HOPPER, {"denoiser.first_level": 1}),
    ("cep", "official", HOPPER, {"denoiser.first_level": 1}),
    ("swg-r", "paper", HOPPER, {"swg-r.weigh_by": "trained", "sampler.temperature": 1.0}),
    ("swg-r", "official", HOPPER, {"sampler.temperature": 1.0, "denoiser.levels": 15}),
    ("idql", "official", HOPPER, {"denoiser.levels": 5, "denoiser.batch_size": 512}),
    ("idql", "official", HOPPER, {"denoiser.steps": 3_000_000, "denoiser.decay_steps": 3_000_000}),
    ("idql", "official", HOPPER, {"idql.candidates": 64, "idql.select": "best", "sampler.temperature": 1.0}),
    ("idql", "paper", ANTMAZE, {"idql.select": "draw", "critic.expectile": 0.9}),
    ("unguided", "official", HOPPER, {"denoiser.levels": 5, "denoiser.steps": 3_000_000}),
    ("cep", "official", HOPPER, {"denoiser.steps": 600_000, "denoiser.batch_size": 4096, "denoiser.ema": None}),
    ("cep", "official", HOPPER, {"denoiser.learning_rate": 1e-4, "denoiser.weight_decay": 0.0}),
    ("cep", "official", HOPPER, {"denoiser.network": "u-shaped", "denoiser.schedule": "vp-linear"}),
    (
        "cep",
        "official",
        HOPPER,
        {"sampler.solver": "dpm++-singlestep", "sampler.steps": 15, "sampler.clip": "none"},
    ),
    ("cep", "paper", HOPPER, {"cep.support_actions": 16, "cep.inverse_temperature": 3.0, "cep.batch_size": 256}),
    ("cep", "paper", ANTMAZE, {"cep.support_actions": 32}),
    ("cep", "official", HOPPER, {"critic.kind": "in-support", "critic.layers": 3, "critic.steps": 500_000}),
    ("cep", "official", HOPPER, {"critic.support_actions": 16, "critic.inverse_temperature": 1.0}),
    ("cep", "paper", ANTMAZE, {"critic.kind": "in-support", "critic.support_actions": 32}),
    ("cep", "official", "moons", {"critic.kind": "iql"}),
    ("cep", "official", "moons", {"denoiser.network": "mlp", "denoiser.width": 512, "denoiser.batch_size": 2048}),
    ("cep", "official", "moons", {"denoiser.steps": 371_000, "guidance_net.width": 512, "cep.support": "data"}),
    ("cep", "paper", "moons", {"cep.batch_size": 8, "cep.support_actions": 256, "sampler.steps": 15}),
    ("mse", "official", "moons", {"mse.batch_size": 2048, "sampler.solver": "dpm++-multistep"}),
    (
        "cep",
        "official",
        HOPPER,
        {"guidance_net.layers": 4, "guidance_net.steps": 1_000_000},
    ),
    ("ddice", "official", HOPPER, {"ddice.noises": 16, "ddice.select": "ensemble", "ddice.ensemble": 10}),
    ("ddice", "official", ANTMAZE, {"ddice.noises": 32, "ddice.select": "draw"}),
    ("ddice", "official", HOPPER, {"ddice.weight": "dice:alpha=0.5", "critic.value_loss": "dice:alpha=0.5"}),
    ("ddice", "official", HOPPER, {"critic.batch_size": 512, "critic.weight_decay": 1e-4, "ddice.candidates": 1}),
    ("ddice", "official", HOPPER, {"ddice.batch_size": 512, "denoiser.batch_size": 4096}),
    ("ddice", "paper", HOPPER, {"ddice.shift_per_batch": False}),
    # IQL 09d7002, configs/*.py, learner.py; its README takes the kitchen's for Adroit too.
    ("iql", "official", HOPPER, {"iql.inverse_temperature": 3.0, "iql.dropout": 0.0, "critic.expectile": 0.7}),
    ("iql", "official", ANTMAZE, {"iql.inverse_temperature": 10.0, "iql.dropout": 0.0, "critic.expectile": 0.9}),
    ("iql", "official", PEN, {"iql.inverse_temperature": 0.5, "iql.dropout": 0.1, "critic.expectile": 0.7}),
    ("iql", "official", HOPPER, {"iql.greatest_weight": 100.0, "iql.decay": True, "critic.steps": 1_000_000}),
    # TD3_BC 8791ad7, main.py, TD3_BC.py; arXiv 2106.06860, eq. 5 and C.1.
    ("td3-bc", "official", HOPPER, {"td3-bc.alpha": 2.5, "td3-bc.scale": "policy", "td3-bc.delay": 2}),
    ("td3-bc", "official", HOPPER, {"td3-bc.noise": 0.2, "td3-bc.noise_clip": 0.5, "critic.batch_size": 256}),
    ("td3-bc", "official", ANTMAZE, {"td3-bc.normalise": True}),
    ("td3-bc", "paper", HOPPER, {"td3-bc.scale": "data", "td3-bc.normalise": True}),
    ("td3-bc", "paper", ANTMAZE, {"td3-bc.normalise": False}),
    # CQL d67dbe9, d4rl/examples/*.py and README.
    ("cql", "official", HOPPER, {"cql.alpha": 5.0, "cql.threshold": None, "cql.learning_rate": 1e-4}),
    ("cql", "official", ANTMAZE, {"cql.alpha": 5.0, "cql.threshold": 5.0, "cql.warm_up_steps": 40_000}),
    ("cql", "official", PEN, {"cql.alpha": 1.0, "cql.threshold": 5.0, "cql.max_backup": False}),
    ("cql", "official", UMAZE, {"cql.alpha": 1.0, "critic.layers": 3, "critic.steps": 3_000_000}),
    ("cql", "paper", HOPPER, {"cql.alpha": 1.0, "cql.threshold": 10.0, "cql.learning_rate": 3e-5}),
    # DQL d871f5c, main.py, agents/*.py.
    ("dql", "official", HOPPER, {"dql.eta": 1.0, "dql.gradient_clip": 9.0, "denoiser.steps": 2_000_000}),
    ("dql", "official", ANTMAZE, {"dql.eta": 0.5, "dql.backup_actions": 1, "denoiser.steps": 1_000_000}),
    ("dql", "official", PEN, {"dql.eta": 0.15, "dql.gradient_clip": 7.0, "denoiser.learning_rate": 3e-5}),
    ("dql", "official", HOPPER, {"dql.candidates": 50, "dql.select": "draw", "dql.critic": "q-learning"}),
    ("dql", "official", HOPPER, {"denoiser.first_level": 0, "denoiser.levels": 5, "denoiser.activation": "mish"}),
    # CORL 6afec90, any_percent_bc.py and configs/offline/bc.
    ("bc", "official", ANTMAZE, {"bc.loss": "squared-error", "bc.normalise": True, "critic.steps": 1_000_000}),
    # SfBC 2cc139b, utils.py, train_*.py, diffusion_SDE/model.py.
    ("sfbc", "official", HOPPER, {"sfbc.candidates": 32, "sfbc.inverse_temperature": 100.0, "sfbc.draws": 4}),
    ("sfbc", "official", UMAZE, {"sfbc.draws": 1, "critic.batch_size": 4096, "critic.learning_rate": 1e-3}),
    # arXiv 2505.01822, Table 4 and eq. 22, 45, 46.
    ("aepo", "paper", HOPPER, {"aepo.posterior": "noise", "aepo.expansion": "action", "aepo.offset": 1e-3}),
    ("aepo", "paper", HOPPER, {"critic.layers": 3, "guidance_net.layers": 3, "guidance.rescale": True}),
]


@pytest.mark.parametrize(("method", "preset", "task", "expected"), OWN)
def test_own_terms_are_what_the_source_says(method, preset, task, expected):
    settings = found(preset, task, method, "own")
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize("preset", ["smoke", "quick"])
def test_sizes_go_over_a_methods_own_and_its_structure_stays(preset):
    cep, size = found(preset, UMAZE, "cep", "own"), PRESETS[preset]
    for name in ("denoiser.steps", "denoiser.width", "denoiser.batch_size", "critic.steps", "guidance_net.steps"):
        assert cep[name] == size[name]
    for name in ("cep.support_actions", "critic.support_actions", "critic.support_states"):
        assert cep[name] == size[name]
    structure = {"denoiser.levels": 1000, "denoiser.network": "u-shaped", "denoiser.schedule": "vp-linear"}
    sampler = {"sampler.steps": 15, "sampler.solver": "dpm++-singlestep", "sampler.clip": "none"}
    without = {"denoiser.ema": None, "denoiser.decay_steps": None, "critic.kind": "in-support"}
    for name, value in (structure | sampler | without).items():
        assert cep[name] == value
    # A method with an average of its weights has the size's rate of it.
    assert found(preset, UMAZE, "swg", "own")["denoiser.ema"] == size["denoiser.ema"]


@pytest.mark.parametrize("preset", ["paper", "official"])
def test_the_toy_sets_tell_a_method_beta_but_not_its_network_or_its_training(preset):
    """The suite's sizes there are SWG's own, which no other method takes on its own terms."""
    moons, maze = found(preset, "moons", "ddice", "own"), found(preset, UMAZE, "ddice", "own")
    assert moons["ddice.weight"] == "exponential:inverse_temperature=1,maximum=1"  # β is the observation there
    differing = {name for name in maze if name != "ddice.weight" and moons[name] != maze[name]}
    assert not {name for name in differing if name.startswith(("denoiser.", "sampler.", "guidance_net."))}
    assert (moons["denoiser.schedule"], moons["denoiser.learning_rate"]) == ("vp-linear", 1e-4)
    assert (moons["denoiser.weight_decay"], moons["denoiser.ema"]) == (0.0, None)
    # On shared terms all methods have SWG's there.
    assert found(preset, "moons", "ddice", "shared")["denoiser.schedule"] == "cosine"


def test_the_sizes_of_a_suite_leave_a_methods_structure_too():
    moons = found("quick", "moons", "cep", "own")
    assert (moons["denoiser.levels"], moons["denoiser.decay_steps"]) == (1000, None)
    assert moons["denoiser.steps"] == 3_000
    assert found("quick", "moons", "swg", "own")["denoiser.levels"] == 100
    assert found("quick", "moons", "swg", "shared")["denoiser.levels"] == 25


@pytest.mark.parametrize("preset", PRESETS)
def test_shared_terms_have_one_critic_one_network_and_one_sampler(preset):
    shared = []
    for method in method_names():
        settings = found(preset, HOPPER, method, "shared")
        shared.append({name: value for name, value in settings.items() if not name.startswith(f"{method}.")})
        assert settings["critic.kind"] == "iql"
        assert settings.get("ddice.select", "critic") == "critic"
    assert all(other == shared[0] for other in shared)


def test_shared_terms_have_each_methods_own_fields_from_its_source():
    assert found("official", HOPPER, "swg", "shared")["swg.weight"] == "hard-expectile"
    assert found("paper", HOPPER, "swg", "shared")["swg.weight"] == "smooth-expectile"
    assert found("quick", HOPPER, "swg", "shared")["swg.weight"] == "smooth-expectile"
    assert found("paper", ANTMAZE, "cep", "shared")["cep.support_actions"] == 32
    assert found("quick", ANTMAZE, "cep", "shared")["cep.support_actions"] == 8
    official = found("official", HOPPER, "idql", "shared")
    assert (official["critic.steps"], official["critic.value_layer_norm"]) == (500_000, True)
    assert (official["denoiser.levels"], official["sampler.temperature"]) == (15, 1.0)
    assert found("paper", HOPPER, "idql", "shared")["critic.steps"] == 1_000_000


def test_shared_terms_have_the_papers_values_on_the_tasks_that_it_names():
    """Appendix D of arXiv 2505.18345: 3M steps on AntMaze, 3e-5 on pen; its code has 1M and 3e-4 on both."""
    shown = {
        (preset, task): [
            found(preset, task, method, "shared")[f"denoiser.{name}"] for name in ("steps", "learning_rate")
        ]
        for method in ("swg", "idql")
        for preset in ("paper", "official")
        for task in (HOPPER, ANTMAZE, PEN)
    }
    usual = [1_000_000, 3e-4]
    assert shown == {
        ("paper", HOPPER): usual, ("paper", ANTMAZE): [3_000_000, 3e-4], ("paper", PEN): [1_000_000, 3e-5],
        ("official", HOPPER): usual, ("official", ANTMAZE): usual, ("official", PEN): usual,
    }  # fmt: skip
    # As published, another method keeps its own source's steps there.
    assert found("paper", ANTMAZE, "ddice", "own")["denoiser.steps"] == 600_000


@pytest.mark.parametrize("method", method_names())
def test_every_setting_of_every_preset_exists_and_has_a_source(method):
    cls = get_method(method)
    assert set(cls.presets) == {"paper", "official"}
    for settings in cls.presets.values():
        for name, value in settings.items():
            assert value.source.strip(), name
            if "." in name:
                assert flatten(replace_dotted(Config(), {name: value.value}))[name] == value.value
            elif name != "rho":
                assert flatten(replace_dotted(cls(), {name: value.value}))[name] == value.value
            else:
                assert cls.rho is not None


def test_every_setting_of_presets_suites_and_tasks_exists():
    suites = [get_suite(name) for name in suite_names()]
    every = [*PRESETS.values(), *(fields for suite in suites for fields in suite.settings.values())]
    every += [task.settings for suite in suites for task in suite.tasks]
    for name, value in (item for fields in every for item in fields.items()):
        head, _, rest = name.partition(".")
        if head in method_names():
            changed = flatten(replace_dotted(get_method(head)(), {rest: value}), head)
        else:
            changed = flatten(replace_dotted(Config(), {name: value}))
        assert changed[name] == value


@pytest.mark.parametrize("suite", suite_names())
@pytest.mark.parametrize("preset", PRESETS)
def test_every_job_of_every_preset_is_within_its_bounds(suite, preset):
    declared = get_suite(suite)
    methods = {name: get_method(name) for name in method_names()}
    for task in declared.tasks:
        for terms, group in [("shared", methods), *(("own", {name: methods[name]}) for name in methods)]:
            check_settings(*resolve_settings(Case(preset, terms, declared, task, group, {})))


@pytest.mark.parametrize(("preset", "samples"), [("smoke", 500), ("quick", 20_000), ("paper", None)])
@pytest.mark.parametrize("terms", ["shared", "own"])
def test_the_episodes_of_a_preset_are_not_the_samples_of_a_density(preset, samples, terms):
    assert found(preset, "moons", "swg", terms)["evaluation.episodes"] == samples
    assert get_tasks(get_suite("toy"), ("moons",))[0].episodes == 20_000
    assert found("quick", UMAZE, "swg", terms)["evaluation.episodes"] == 50


def test_a_pattern_sets_the_value_on_the_tasks_that_fit_it_first():
    value = Value(1, "here", {"antmaze-large-*": 3, "antmaze-*": 2})
    assert [value.on(task) for task in ("pen-human", "antmaze-umaze", "antmaze-large-play")] == [1, 2, 3]


LOCAL = ("local", "ab12")


def about(source, fingerprint):
    return Data(
        source=source,
        name="any",
        version=None,
        canonical=None,
        reward_transform="r",
        fingerprint=fingerprint,
        transitions=10,
        action_low=(-1.0,),
        action_high=(1.0,),
    )


def chosen(  # noqa: PLR0913
    tmp_path, task, method="ddice", preset="official", terms="shared", given=(), data=LOCAL, policy="p0"
):
    (declared,) = get_tasks(get_suite(SUITE_OF[task]), (task,))
    purpose = Purpose(task, method, preset, terms, about(*data), policy, {})
    return choose(get_method(method)(), declared, purpose, given, tmp_path)


def keep(tmp_path, rho, data=LOCAL, terms="shared"):
    """A choice of `tune-rho` for Diffusion-DICE on hopper-medium."""
    keep_tuned(
        tmp_path,
        Choice(
            suite="locomotion",
            task=HOPPER,
            method="ddice",
            preset="official",
            terms=terms,
            data=about(*data),
            policy="p0",
            settings={},
            rho=rho,
            score=1.0,
            trials=1,
            episodes=2,
            seeds=(100,),
            sampler="grid",
            range=(rho,),
            tried=(Trial(rho=rho, score=1.0),),
        ),
    )


def test_rho_is_given_then_exact_then_tuned_then_the_sources_then_published_then_the_default(tmp_path):
    # Diffusion-DICE's configs: 4 on medium, 2 on medium-expert, 1 on AntMaze's umaze; nothing on maze2d.
    assert chosen(tmp_path, HOPPER) == [(4.0, "preset")]
    assert chosen(tmp_path, ANTMAZE) == [(1.0, "preset")]
    assert chosen(tmp_path, HOPPER, preset="quick") == [(2.0, "default")]
    assert chosen(tmp_path, HOPPER, preset="quick", terms="own") == [(4.0, "preset")]
    assert chosen(tmp_path, UMAZE, terms="own") == [(2.0, "default")]
    # SWG's own table is the published one: 20 on hopper-medium.
    assert chosen(tmp_path, HOPPER, "swg", terms="own") == [(20.0, "published")]
    assert chosen(tmp_path, "moons", terms="own") == [(1.0, "exact")]

    keep(tmp_path, 7.0)
    assert chosen(tmp_path, HOPPER) == [(7.0, "tuned")]
    assert chosen(tmp_path, HOPPER, terms="own") == [(4.0, "preset")]
    keep(tmp_path, 8.0, terms="own")
    assert chosen(tmp_path, HOPPER) == [(7.0, "tuned")]
    assert chosen(tmp_path, HOPPER, terms="own") == [(8.0, "tuned")]
    assert chosen(tmp_path, HOPPER, given=(1.0, 5.0)) == [(1.0, "given"), (5.0, "given")]
    assert chosen(tmp_path, "moons", given=(3.0,)) == [(3.0, "given")]
    assert chosen(tmp_path, HOPPER, policy="p1") == [(4.0, "preset")], "tuned for another policy"


@pytest.mark.parametrize("other", [("d4rl", "ab12"), ("local", "cd34")])
def test_a_rho_tuned_on_other_data_is_not_used(tmp_path, other):
    keep(tmp_path, 7.0)
    assert chosen(tmp_path, HOPPER, data=other) == [(4.0, "preset")]
    keep(tmp_path, 9.0, data=other)
    assert chosen(tmp_path, HOPPER, data=other) == [(9.0, "tuned")]
    assert chosen(tmp_path, HOPPER) == [(7.0, "tuned")], "one choice does not replace the other"


def tables(pytestconfig):
    """The cells of the two tables of docs/settings.md that say who sets what, and its command."""
    text = (pytestconfig.rootpath / "docs" / "settings.md").read_text()
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    rows = [[[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in block] for block in blocks]
    sources, example = (own[2:] for own in rows if "set by" in own[0])
    (command,) = re.findall(r"python -m bench (run --.*)", text)
    return sources, example, command


def test_the_table_of_the_docs_is_the_codes(pytestconfig):
    rows, _, _ = tables(pytestconfig)
    assert [row[1] for row in rows] == list(TABLE)


def test_the_example_of_the_docs_resolves_as_it_says(pytestconfig):
    _, example, command = tables(pytestconfig)
    assert len(example) == 9
    for column, terms in ((1, "controlled"), (3, "as-published")):
        line = parse([*command.split(), "--terms", terms])
        (job,) = jobs_of([*command.split(), "--terms", terms])
        settings = flatten(job.config) | flatten(job.methods["cep"], "cep")
        case = Case("official", job.terms, get_suite("toy"), job.task, {"cep": get_method("cep")}, line.given)
        filled = {name: find(case) for name, find in TABLE.items()}
        for row in example:
            assert str(settings[row[0]]) == row[column], row
            assert [name for name, found in filled.items() if row[0] in found or name == "defaults"][-1] == row[
                column + 1
            ]
