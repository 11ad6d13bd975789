"""A report says what the compared variants have in common, as the results have it, and refuses unequal terms."""

import pytest
from synthetic_results import FORMAT, control, density, tuned

from bench.config.experiments import EXPERIMENTS, narrow_experiment
from bench.config.request import make_jobs
from bench.config.spec import flatten
from bench.storage.components import hash_json
from reports.analysis.equal_terms import check_terms
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.scores import load_scores
from reports.render.document import render_markdown
from reports.report import write_report
from reports.sections.terms import make_terms_section


def text(folder):
    files = write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    return files[0].read_text()


def section(folder, **kept):
    """The terms section of the one suite."""
    (scores,) = load_scores(folder.path, **kept)
    return render_markdown(make_terms_section(scores))


def opening(folder, **kept):
    """Its first paragraph."""
    return section(folder, **kept).splitlines()[0]


def refusal(folder):
    with pytest.raises(ReportError) as caught:
        section(folder)
    return str(caught.value)


def settings(**changes):
    """Shared settings; `critic__steps` stands for `critic.steps`."""
    kept = {"critic.steps": 10000, "sampler.steps": 15, "evaluation.episodes": None, "denoiser.levels": 15}
    return {**kept, **{name.replace("__", "."): value for name, value in changes.items()}}


@pytest.mark.parametrize("kind", ["control", "density"])
def test_equal_terms_are_said_with_what_was_compared(folder, kind):
    for method in ("unguided", "swg"):
        record = control if kind == "control" else toy_record
        made = record("a", method, 0, 1.0, config={**settings(), f"{method}.own": method})
        folder.add(made)
    said = opening(folder)
    compared = "the same data, the same 4 shared settings (critic, denoiser, evaluation and sampler)"
    assert f"`unguided` and `swg` have {compared} and the same " in said
    assert "use one critic for each task and seed" in said
    assert "evaluated with the same versions" in said
    assert "as published" not in said.lower()


def test_one_variant_has_no_terms_to_compare(folder):
    folder.add(control("a", "swg", 0, 1.0))
    assert "`swg` is the only controlled variant" in opening(folder)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("critic.steps", 10000, 300),
        ("evaluation.episodes", None, 2),
        ("denoiser.levels", 15, 5),
        ("guidance_net.width", 256, 8),
        ("sampler.clip", "clean", "none"),
        ("sampler.precision", "fp32", "bf16"),
        ("data.transitions", 1000, 10),
    ],
)
def test_a_shared_setting_that_differs_between_methods_is_refused(folder, name, one, other):
    for method, value in (("unguided", one), ("swg", other), ("idql", one)):
        for seed in (0, 1):
            folder.add(control("a", method, seed, 1.0, config={**settings(), name: value}))
    sentence = refusal(folder)
    assert sentence.startswith("controlled results of task a are not on equal terms: ")
    first = "null" if one is None else one
    assert f"{name} is {first} (unguided, idql) and {other} (swg)" in sentence
    assert "`--results`" in sentence
    assert "`unguided` and `idql` have the same data" in opening(folder, methods=["unguided", "idql"])


def test_a_result_from_before_a_setting_is_on_equal_terms_with_one_at_its_default_alone(folder):
    """Older versions had no `sampler.precision`, and sampled in fp32."""
    older = settings(sampler__clip="clean")
    folder.add(control("a", "unguided", 0, 1.0, config=older))
    folder.add(control("a", "swg", 0, 1.0, config={**older, "sampler.precision": "fp32"}))
    assert "`unguided` and `swg` have the same data, the same 6 shared settings" in opening(folder)
    folder.add(control("a", "swg", 0, 1.0, config={**older, "sampler.precision": "bf16"}))
    assert "sampler.precision is fp32 (unguided) and bf16 (swg)" in refusal(folder)


def test_a_refused_report_is_not_written(folder):
    for method, steps in (("unguided", 10000), ("swg", 300)):
        folder.add(control("a", method, 0, 1.0, config=settings(critic__steps=steps)))
    with pytest.raises(ReportError, match=r"critic\.steps is 10000 \(unguided\) and 300 \(swg\)"):
        write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    assert not (folder.path / "report").exists()


def test_a_refusal_comes_before_any_bootstrap(folder):
    said = []
    for suite, task, steps in (("adroit", "a", (10, 10)), ("maze2d", "b", (10, 300))):
        for method, value in zip(("unguided", "swg"), steps, strict=True):
            folder.add(control(task, method, 0, 1.0, suite=suite, config=settings(critic__steps=value)))
    with pytest.raises(ReportError, match="task b are not on equal terms"):
        write_report(folder.path, folder.path / "report", progress=said.append)
    assert said == []
    write_report(
        folder.path, folder.path / "out", tasks=["a"], options=Options(replicates=100), progress=said.append
    )
    assert any("bootstrap replicates" in line for line in said)


def test_only_the_task_on_which_settings_differ_is_refused(folder):
    for task in ("a", "b"):
        for method in ("unguided", "swg"):
            steps = {"a": 10, "b": 300 if method == "swg" else 20}[task]
            folder.add(control(task, method, 0, 1.0, config=settings(critic__steps=steps)))
    assert "task b" in refusal(folder)
    assert "have the same data" in opening(folder, tasks=["a"])


def test_further_settings_are_named_or_counted(folder):
    for method, add in (("unguided", 0), ("swg", 1)):
        folder.add(control("a", method, 0, 1.0, config={f"critic.s{i}": i + add for i in range(6)}))
    sentence = refusal(folder)
    assert "critic.s0 is 0 (unguided) and 1 (swg)" in sentence
    assert "and 5 more settings differ (critic.s1, critic.s2, critic.s3, ...)" in sentence


def episodes(resets):
    return [{"return": 1.0, "length": 3, "seed": seed, "normalized": 1.0} for seed in resets]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"episodes": episodes([7, 7, 7])}, "seed 1 has 2 and 3 episodes (unguided and swg)"),
        ({"episodes": episodes([7, 8])}, "seed 1 has reset seeds 7 and 8 in episode 1 (unguided and swg)"),
        (
            {"critics": {"labels": ["critic-c1"], "departures": None}},
            "seed 1 has different critics: critic-c0 and critic-c1 (unguided and swg)",
        ),
        (
            {"components": {"denoiser": "behaviour-b1"}},
            "seed 1 has different behaviour denoisers: behaviour-b0 and behaviour-b1 (unguided and swg)",
        ),
    ],
)
def test_what_no_setting_explains_is_refused_in_any_seed(folder, changes, words):
    same = {"components": {"denoiser": "behaviour-b0"}, "episodes": episodes([7, 7]), "config": settings()}
    for method in ("unguided", "swg"):
        for seed in (0, 1):
            other = changes if (method, seed) == ("swg", 1) else {}
            folder.add(control("a", method, seed, 1.0, **{**same, **other}))
    assert words in refusal(folder)


def test_a_method_with_another_denoiser_or_critic_by_design_is_not_refused(folder):
    for method, denoiser, critics in (
        ("unguided", "behaviour-b0", []),
        ("idql", "behaviour-b0", ["critic-c0"]),
        ("swg", "joint-j0", ["critic-c0"]),
        ("cep", "behaviour-b0", ["in-support-critic-i0"]),
    ):
        made_of = {"components": {"denoiser": denoiser}, "critics": {"labels": critics, "departures": None}}
        folder.add(control("a", method, 0, 1.0, **made_of))
    said = opening(folder)
    assert "`idql` and `swg` use one critic" in said
    assert "`unguided` uses no critic" in said
    assert "`cep` uses a critic of another kind (in-support-critic)" in said


def add_with_critic(folder, method, label, kind, seed=0, **changes):
    config = settings(critic__kind=kind, **changes)
    critics = {"labels": [label], "departures": None}
    made_of = {"components": {"denoiser": "behaviour-b0"}, "critics": critics, "config": config}
    folder.add(control("a", method, seed, 1.0, **made_of), f"h{changes.get('sampler__steps', 15)}")


@pytest.mark.parametrize(("kind", "shared"), [("in-support", "in-support-critic"), ("cql", "cql")])
def test_a_critic_of_the_kind_that_was_set_is_the_shared_one(folder, kind, shared):
    for method, label in (("idql", f"{shared}-k0"), ("swg", f"{shared}-k0"), ("td3-bc", "td3-bc-t0")):
        add_with_critic(folder, method, label, kind)
    said = opening(folder)
    assert "`idql` and `swg` use one critic for each task and seed." in said
    assert "`td3-bc` uses a critic of another kind (td3-bc)" in said
    add_with_critic(folder, "cep", f"{shared}-k1", kind)
    if kind == "cql":  # a method trains one for itself too
        assert "do not all use one critic." in opening(folder)
    else:
        assert "seed 0 has different in-support critics: in-support-critic-k1 and in-su" in refusal(folder)


def test_actions_drawn_by_another_sampler_make_another_in_support_critic(folder):
    for steps in (3, 15):
        add_with_critic(folder, "swg", f"in-support-critic-k{steps}", "in-support", sampler__steps=steps)
    assert "`sampler.steps` (3 for" in opening(folder)


def test_a_sweep_is_not_refused_and_not_called_equal(folder):
    for steps in (3, 15):
        folder.add(control("a", "swg", 0, 1.0, config=settings(sampler__steps=steps)), f"h{steps}")
    for method in ("unguided", "idql"):
        folder.add(control("a", method, 0, 1.0, config=settings()))
    said = opening(folder)
    assert "within each of these groups and not between them" in said
    assert "`unguided`, `idql` and `swg sampler.steps=15`; `swg sampler.steps=3` alone." in said
    named = "`sampler.steps` (15 for `unguided`, `idql` and `swg sampler.steps=15`; 3 for `swg sampler.steps=3`)"
    assert f"Between them differ: {named}" in said


def test_a_sweep_with_other_values_on_another_task_names_the_task(folder):
    for task, low in (("a", 3), ("b", 5)):
        for steps in (low, 15):
            config = settings(sampler__steps=steps, **{"cep.size": "s" if steps == low else "l"})
            folder.add(control(task, "cep", 0, 1.0, config=config), f"h{steps}")
    named = "15 for `cep cep.size=l`; 3 for `cep cep.size=s` on a, and not so on every task"
    assert f"`sampler.steps` ({named})" in opening(folder)


def test_a_sweep_of_one_setting_does_not_excuse_another(folder):
    """Two methods that each have one value of the critic's steps are held to it, whatever is swept besides."""
    for steps in (3, 15):
        config = settings(sampler__steps=steps, critic__steps=300)
        folder.add(control("a", "swg", 0, 1.0, config=config), f"h{steps}")
    folder.add(control("a", "unguided", 0, 1.0, config=settings()))
    assert "critic.steps is 10000 (unguided) and 300 (swg)" in refusal(folder)


def test_a_sweep_of_the_critic_does_not_excuse_other_resets(folder):
    for steps, reset in ((300, 7), (10000, 8)):
        config = settings(critic__steps=steps)
        folder.add(control("a", "swg", 0, 1.0, config=config, episodes=episodes([reset])), f"h{steps}")
    assert "reset seeds 7 and 8 in episode 0" in refusal(folder)


def test_all_methods_at_two_values_are_two_groups(folder):
    for steps in (3, 15):
        for method in ("unguided", "swg"):
            folder.add(control("a", method, 0, 1.0, config=settings(sampler__steps=steps)), f"h{steps}")
    said = opening(folder)
    low = "`unguided sampler.steps=3` and `swg sampler.steps=3`"
    high = "`unguided sampler.steps=15` and `swg sampler.steps=15`"
    assert f"{low}; {high}." in said
    assert "use one critic for each task and seed" in said


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        (("swg",), "`swg critic.steps=5` and `swg critic.steps=300` do not all use one critic"),
        (("swg", "idql"), "use one critic within each group for each task and seed"),
    ],
)
def test_a_sweep_of_the_critic_is_not_said_to_have_one(folder, methods, words):
    for steps in (5, 300):
        for method in methods:
            critics = {"labels": [f"critic-c{steps}"], "departures": None}
            record = control(
                "a", method, 0, 1.0, config=settings(critic__steps=steps), components={}, critics=critics
            )
            folder.add(record, f"h{steps}")
    said = opening(folder)
    assert words in said
    assert ("no two of `swg critic.steps=5` and `swg critic.steps=300` are on equal" in said) == (
        len(methods) == 1
    )


FEW = {"evaluation.episodes": None, "evaluation.inverse_temperatures": None}
"""As many episodes, samples and β as the synthetic results have."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_can_be_reported(folder, name):
    """Its own settings differ between variants of a method, never between methods."""
    for part in narrow_experiment(name, None, None):
        for job in make_jobs([part], "quick", "shared", {}):
            for method, made in job.methods.items():
                config = {**flatten(job.config), **flatten(made, method), **FEW}
                scales = [rho for rho, _ in part.scales(made, job.task)] or [None]
                record = control if job.task.suite != "toy" else toy_record
                for rho in scales:
                    key = hash_json([config, rho])
                    changes = {"suite": job.task.suite, "rho": rho, "config": config}
                    folder.add(record(job.task.name, method, 0, 1.0, **changes), key)
    for scores in load_scores(folder.path):
        assert check_terms(scores)[0].terms == "shared"


def toy_record(task, method, seed, score, **changes):
    return density(task, method, seed, {0.0: score}, **changes)


def test_as_published_what_differs_is_named_and_not_refused(folder):
    for method, steps in (("unguided", 10), ("swg", 300)):
        config = settings(critic__steps=steps, sampler__steps=steps)
        record = control("a", method, 0, 1.0, terms="own", config=config, episodes=episodes([steps]))
        folder.add(record)
    said = opening(folder)
    assert "As published, each method with its authors' settings: `unguided` and `swg` differ in 2 of 4" in said
    assert "critic (steps); sampler (steps); a difference in score may come from any of these" in said
    assert "The data are the same and the reset seeds of the episodes differ." in said
    assert "Controlled" not in said


def test_where_both_stand_together_each_kind_is_checked_by_itself(folder):
    for terms in ("shared", "own"):
        for method in ("unguided", "swg"):
            config = settings(critic__steps=10 if terms == "own" and method == "swg" else 5)
            folder.add(control("a", method, 0, 1.0, terms=terms, config=config), f"{method}-{terms}")
    said = opening(folder)
    assert said.startswith(
        "Results on different terms are shown together, each kind checked by itself. Controlled"
    )
    shared, _, own = said.partition("As published")
    assert "`unguided terms=shared` and `swg terms=shared` have the same data" in shared
    assert "`unguided terms=own` and `swg terms=own` differ in 1 of 4" in own
    record = control("a", "idql", 0, 1.0, config=settings(critic__steps=6))
    folder.add(record)
    assert "critic.steps is 5 (unguided, swg) and 6 (idql)" in refusal(folder)


def test_differing_versions_and_processors_are_named_with_who_has_them(folder):
    for method in ("unguided", "swg"):
        for seed in (0, 1):
            made = control("a", method, seed, 1.0)
            if method == "swg":
                made["machine"] = {**made["machine"], "processor": "another"}
            if seed:
                made["versions"] = {**made["versions"], "torch": "2.99"}
            folder.add(made)
    said = opening(folder).partition("not all evaluated alike")[2]
    both = "part of `unguided` and part of `swg`"
    assert f"torch (2.13.0 for {both}; 2.99 for {both})" in said
    assert "processor (a processor for `unguided`; another for `swg`)" in said
    assert "python" not in said


def test_evaluations_are_read_per_action(folder):
    """64 candidates of 5 levels; two tasks of 5 and 15 guided levels; one that stored nothing."""
    counted = {
        "idql": [(64 * 5 * 600, 0, 0, 600, 64)] * 2,
        "swg": [(5 * 300, 5 * 300, 0, 300, 1), (15 * 200, 15 * 200, 0, 200, 1)],
        "cep": [(5 * 300, 5 * 300, 5 * 300, 300, 1)] * 2,
        "own": [(5, 5, 5, None, None)] * 2,
    }
    for method, numbers in counted.items():
        for task, (function, gradient, beside, actions, candidates) in zip("ab", numbers, strict=True):
            evaluations = {
                "function": function,
                "gradient": gradient,
                "beside": beside,
                "guided_rows": 0,
                "actions": actions,
                "candidates": candidates,
            }
            departures = {"idql": [], "swg": ["critic.steps", "swg.other"], "own": None, "cep": None}[method]
            critics = {"labels": ["critic-c"], "departures": departures}
            folder.add(control(task, method, 0, 1.0, evaluations=evaluations, critics=critics))
    table = section(folder)
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    cells = {row[0]: row[1:] for row in rows[2:]}
    assert cells == {
        "idql": ["as its authors set it", "64", "320", "0", "0", "320"],
        "swg": ["not its authors': steps, swg.other", "1", "5 to 15", "0", "5 to 15", "15 to 45"],
        "cep": ["its authors' is not known here", "1", "5", "5", "5", "20"],
        "own": ["its authors' is not known here", "–", "–", "–", "–", "–"],
    }


def test_a_choice_of_rho_belongs_to_its_terms(folder):
    for terms in ("shared", "own"):
        folder.add(
            control(
                "a", "swg", 0, 1.0, terms=terms, rho=5.0, rho_source="tuned", tuning={"episodes": 8, "trials": 2}
            ),
            terms,
        )
    choices = [
        tuned([seed], task="a", data=control("a", "swg", 0, 1.0)["data"], terms=terms, range=[1.0, 5.0])
        for terms, seed in (("shared", 100), ("own", 200))
    ]
    folder.write("tuned.json", {"format": FORMAT, "choices": choices})
    rows = [line for line in text(folder).splitlines() if line.startswith("| a") and "grid 1, 5" in line]
    seeds = {("own" if "terms=own" in row else "shared"): row for row in rows}
    assert " 200 " in seeds["own"]
    assert " 100 " in seeds["shared"]
