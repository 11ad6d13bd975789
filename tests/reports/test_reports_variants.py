"""A label says what tells a method's variants apart, and nothing else."""

import pytest
from synthetic_results import control

from reports.errors import ReportError
from reports.load.scores import load_scores


def labels(folder):
    return load_scores(folder.path)[0].variants


def test_one_rho_per_task_is_one_variant(folder):
    for task, rho in (("a", 5.0), ("b", 10.0)):
        folder.add(control(task, "swg", 0, 1.0, rho=rho, rho_source="tuned"))
    assert labels(folder) == ("swg",)


def test_several_rhos_on_a_task_are_several_variants_in_numeric_order(folder):
    for rho in (10.0, 5.0, 0.5):
        folder.add(control("a", "swg", 0, rho, rho=rho, rho_source="given"), f"h{rho}")
    folder.add(control("a", "idql", 0, 1.0))
    assert labels(folder) == ("idql", "swg rho=0.5", "swg rho=5", "swg rho=10")
    scores = load_scores(folder.path)[0]
    assert scores.matrix("swg rho=10") == [[10.0]]


def test_a_differing_setting_is_named_and_one_that_follows_it_is_not(folder):
    for steps in (1000, 2000):
        config = {"critic.steps": steps, "critic.warmup": steps // 10, "critic.expectile": 0.7}
        folder.add(control("a", "swg", 0, steps, config=config), f"h{steps}")
    assert labels(folder) == ("swg critic.steps=1000", "swg critic.steps=2000")


def test_a_setting_that_another_says_too_is_not_named(folder):
    for weight, loss in (("expectile", "expectile"), ("exponential", "expectile"), ("linex", "linex")):
        folder.add(control("a", "swg", 0, 1.0, config={"critic.value_loss": loss, "swg.weight": weight}), weight)
    assert labels(folder) == ("swg swg.weight=expectile", "swg swg.weight=exponential", "swg swg.weight=linex")


def test_a_nested_seed_is_a_setting_and_the_cells_own_is_not(folder):
    for seed in (0, 1):
        folder.add(control("a", "swg", seed, 1.0, config={"seed": seed, "data.seed": 0}), "h0")
        folder.add(control("a", "swg", seed, 1.0, config={"seed": seed, "data.seed": 1}), "h1")
    assert labels(folder) == ("swg data.seed=0", "swg data.seed=1")


def test_a_setting_that_differs_between_tasks_only_is_no_variant(folder):
    for task, expectile in (("a", 0.7), ("b", 0.9)):
        folder.add(control(task, "swg", 0, 1.0, config={"critic.expectile": expectile}))
    assert labels(folder) == ("swg",)


def test_tuned_rho_of_each_of_two_configurations_stays_out_of_the_label(folder):
    for task, base in (("a", 1.0), ("b", 3.0)):
        for i, weight in enumerate(("linex", "expectile")):
            config = {"swg.weight": weight}
            folder.add(control(task, "swg", 0, 1.0, rho=base + i, rho_source="tuned", config=config), weight)
    assert labels(folder) == ("swg swg.weight=expectile", "swg swg.weight=linex")


def test_shared_and_own_terms_are_apart_and_the_settings_that_go_with_them_stay_out_of_the_label(folder):
    for terms, levels in (("shared", 15), ("own", 1000)):
        config = {"denoiser.levels": levels, "critic.layers": 2 if levels == 15 else 3}
        folder.add(control("a", "swg", 0, 1.0, terms=terms, config=config), terms)
    assert labels(folder) == ("swg terms=own", "swg terms=shared")


def test_a_setting_that_differs_within_terms_is_named_beside_them(folder):
    for terms, steps in (("shared", 10), ("own", 10), ("own", 20)):
        config = {"critic.steps": steps, "denoiser.levels": 15 if terms == "shared" else 5}
        folder.add(control("a", "swg", 0, 1.0, terms=terms, config=config), f"{terms}{steps}")
    assert set(labels(folder)) == {
        "swg terms=own critic.steps=10",
        "swg terms=own critic.steps=20",
        "swg terms=shared critic.steps=10",
    }


def test_a_variant_that_one_task_lacks_is_missing_there(folder):
    for rho in (5.0, 10.0):
        folder.add(control("a", "swg", 0, 1.0, rho=rho, rho_source="given"), f"h{rho}")
    folder.add(control("b", "swg", 0, 1.0, rho=5.0, rho_source="given"))
    with pytest.raises(ReportError, match="b, swg rho=10, seed 0"):
        load_scores(folder.path)


def test_an_import_is_always_in_the_label_and_a_trained_network_has_none(folder):
    for name in ("theirs", None):
        config = {"denoiser.imported": name, "critic.steps": 5}
        folder.add(control("a", "swg", 0, 1.0, terms="own", config=config), str(name))
    folder.add(control("a", "idql", 0, 1.0, terms="own", config={"critic.imported": "theirs"}), "h")
    assert labels(folder) == ("idql critic.imported=theirs", "swg", "swg denoiser.imported=theirs")
