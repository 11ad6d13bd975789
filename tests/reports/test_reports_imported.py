"""Imported networks beside trained ones: never on equal terms, and the report opens with them."""

import pytest
from synthetic_results import control

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.scores import load_scores
from reports.render.document import render_markdown
from reports.report import write_report
from reports.sections.terms import make_terms_section

COMMON = {"critic.steps": 10000, "sampler.steps": 15, "evaluation.episodes": None, "denoiser.levels": 15}


def make_terms(folder) -> str:
    """The terms section of the one suite."""
    (scores,) = load_scores(folder.path)
    return render_markdown(make_terms_section(scores))


def test_imported_networks_are_never_called_equal_and_the_report_opens_with_them(folder):
    for name in ("theirs", None):
        config = {**COMMON, "denoiser.imported": name}
        folder.add(control("a", "swg", 0, 1.0, terms="own", config=config), str(name))
    files = write_report(folder.path, folder.path / "report", options=Options(replicates=100))
    report = files[0].read_text()
    label = "`swg denoiser.imported=theirs`"
    assert f"{label} is evaluated with networks that were trained elsewhere" in report.partition("## ")[0]
    assert "(denoiser 'theirs')" in report
    assert f"Of the networks of {label} that were imported, the settings of training" in make_terms(folder)


def test_controlled_results_of_an_import_and_of_trained_networks_are_refused(folder):
    folder.add(control("a", "swg", 0, 1.0, config={**COMMON, "denoiser.imported": "theirs"}))
    folder.add(control("a", "cep", 0, 1.0, config={**COMMON, "denoiser.imported": None}))
    with pytest.raises(ReportError, match=r"denoiser\.imported is null \(cep\) and theirs \(swg\)"):
        make_terms(folder)
