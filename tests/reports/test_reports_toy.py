"""The report of the toy sets: distances and pictures instead of scores, and samples that cannot be read."""

import numpy as np
import pandas as pd
import pytest
from synthetic_results import density

from reports.errors import ReportError
from reports.page import write_report

BETAS = (0.0, 3.0, 10.0, 20.0)


def report(folder, out):
    written = write_report(folder.path, out, replicates=200)
    return written, (out / "report.md").read_text()


def add_samples(path, betas=BETAS, shape=(50, 2)):
    generator = np.random.default_rng(0)
    arrays = {f"{who}_{beta:g}": generator.normal(size=shape) for who in ("ours", "truth") for beta in betas}
    np.savez(path.with_suffix(".npz"), **arrays)


def test_toy_report(folder, tmp_path):
    for method in ("unguided", "swg"):
        distances = dict.fromkeys(BETAS, 0.5 if method == "unguided" else 0.04)
        add_samples(folder.add(density("rings", method, 0, distances, samples_file="seed-0.npz")))
    written, text = report(folder, tmp_path / "out")
    assert "toy-rings.svg" in {path.name for path in written}
    assert "Optimality" not in text
    assert "IQM" not in text
    densities = pd.read_csv(tmp_path / "out" / "densities.csv")
    assert len(densities) == 8
    assert len(pd.read_csv(tmp_path / "out" / "aggregates.csv")) == 0


def test_toy_samples_that_cannot_be_read(folder, tmp_path):
    path = folder.add(density("rings", "swg", 0, dict.fromkeys(BETAS, 0.1), samples_file="seed-0.npz"))
    with pytest.raises(ReportError, match=r"seed-0\.npz.*delete that result"):
        report(folder, tmp_path / "out")
    add_samples(path, betas=(0.0, 3.0))
    with pytest.raises(ReportError, match=r"ours_10.*delete that result"):
        report(folder, tmp_path / "out")
    add_samples(path, shape=(50, 3))
    with pytest.raises(ReportError, match=r"shape \(50, 3\)"):
        report(folder, tmp_path / "out")


def test_toy_results_at_different_betas(folder, tmp_path):
    folder.add(density("rings", "swg", 0, {0.0: 0.1, 10.0: 0.2}))
    folder.add(density("rings", "cep", 0, {0.0: 0.1, 20.0: 0.2}))
    with pytest.raises(ReportError, match="scored at other β"):
        report(folder, tmp_path / "out")
