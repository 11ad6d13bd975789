"""A report says in words what the compared methods had in common."""

import pytest
from synthetic_results import FORMAT, control, density, tuned

from reports.analysis.suite import Options
from reports.report import write_report


def text(folder):
    files = write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    return files[0].read_text()


@pytest.mark.parametrize("kind", ["control", "density"])
def test_each_suite_says_its_terms(folder, kind):
    for method in ("unguided", "swg"):
        made = control("a", method, 0, 1.0) if kind == "control" else density("a", method, 0, {0.0: 1.0, 3.0: 2.0})
        folder.add(made)
    written = text(folder)
    assert "one critic, one network and one sampler for all methods" in written
    assert "as published" not in written


def test_own_terms_are_said_to_mix_guidance_with_everything_else(folder):
    for method in ("unguided", "swg"):
        folder.add(control("a", method, 0, 1.0, terms="own"))
    written = text(folder)
    assert "each method with its authors' own critic, network, sampler and training" in written
    assert "one critic" not in written


def test_where_both_stand_together_each_variant_is_named_with_its_terms(folder):
    for terms in ("shared", "own"):
        for method in ("unguided", "swg"):
            folder.add(control("a", method, 0, 1.0, terms=terms), f"{method}-{terms}")
    written = text(folder)
    (line,) = [line for line in written.splitlines() if "shown together" in line]
    shared, own = line.index("controlled: one"), line.index("as published: each")
    first, second = sorted((shared, own))
    for variant in ("`unguided terms=shared`", "`swg terms=shared`"):
        assert (line.index(variant) < first) == (shared == first)
    for variant in ("`unguided terms=own`", "`swg terms=own`"):
        assert (line.index(variant) < first) == (own == first)
        assert line.index(variant) < second or own == second


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
