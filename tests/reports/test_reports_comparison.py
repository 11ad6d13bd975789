"""Ours compared with published results: differences and intervals by NumPy alone, and when there are none."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic_results import FORMAT, ResultsFolder, control, data_set

from reports.analysis.suite import Options
from reports.report import write_report

FOLDER = Path(__file__).parents[2] / "reports" / "published"
TABLE_2 = pd.read_csv(FOLDER / "published_swg_table2.csv").query("method == 'SWG'")
SUITES = dict(zip(TABLE_2["task"], TABLE_2["suite"], strict=True))
LOCOMOTION = list(TABLE_2.query("suite == 'locomotion'")["task"])
ANTMAZE = list(TABLE_2.query("suite == 'antmaze'")["task"])


class Experiments:
    """Results of experiments in a folder, and the file that says which row of which table each belongs to."""

    def __init__(self, folder: ResultsFolder):
        self.folder, self.cells = folder, []

    def add(self, table, task, method, row, scores, *, data=None, rho=5.0):
        suite, data = SUITES[task], data or data_set("d4rl", task, "f", 10)
        for seed, score in enumerate(scores):
            record = control(task, method, seed, float(score), suite=suite, data=data, rho=rho, rho_source="given")
            path = self.folder.add(record, row.replace("=", "-"))
            cell = {"experiment": f"swg-table{table}", "table": f"SWG Table {table}", "row": row, "suite": suite}
            where = str(path.relative_to(self.folder.path))
            self.cells.append({**cell, "task": task, "method": method, "rho": rho, "seed": seed, "path": where})

    def report(self, out, replicates=200):
        self.folder.write("experiments.json", {"format": FORMAT, "cells": self.cells})
        write_report(self.folder.path, out, options=Options(replicates=replicates))
        file = out / "comparison.csv"
        return pd.read_csv(file), (out / "report.md").read_text(), (out / "summary.txt").read_text()


@pytest.fixture
def experiments(folder):
    return Experiments(folder)


def interval(matrix):
    """scipy's t interval of each seed's mean over tasks."""
    means = matrix.mean(axis=1)
    return scipy.stats.t.interval(0.95, len(means) - 1, means.mean(), scipy.stats.sem(means))


def test_table_2_by_task_with_the_difference_and_its_interval(experiments, tmp_path):
    scores = np.array([60.0, 71.0, 66.0, 75.0, 63.0])
    experiments.add(2, "hopper-medium-v2", "swg", "SWG", scores)
    experiments.add(2, "hopper-medium-v2", "cep", "QGPO", [90.0] * 5)
    found, page, terminal = experiments.report(tmp_path / "out", replicates=200)
    row = found.set_index("row").loc["SWG"]
    # SWG's Table 2 prints 68.6 ± 4.4 for its own method on hopper-medium-v2, and 98.0 for QGPO.
    assert (row["published"], row["published_spread"]) == (68.6, 4.4)
    assert row["ours"] == pytest.approx(67.0)
    assert row["difference"] == pytest.approx(-1.6)
    expected = np.array(interval(scores[:, None])) - 68.6
    assert [row["difference_lower"], row["difference_upper"]] == pytest.approx(expected)
    assert row["ours_lower"] == pytest.approx(row["difference_lower"] + 68.6)
    for text in (page, terminal):
        line = next(line for line in text.splitlines() if line.startswith("| hopper-medium-v2 | swg "))
        ours, published, difference = [cell.strip() for cell in line.strip("|").split("|")][3:]
        assert (ours[:6], published, difference[:6]) == ("67.0 [", "68.6 ± 4.4", "-1.6 [")
        line = next(line for line in text.splitlines() if line.startswith("| hopper-medium-v2 | cep    | QGPO"))
        assert line.strip("|").split("|")[5].strip() == "-8.0"  # equal seeds show no spread
    assert "preset quick, controlled" in page
    assert "over our 5 seeds" in page


def test_tables_of_averages_stand_beside_the_mean_over_all_tasks(experiments, tmp_path):
    generator = np.random.default_rng(4)
    matrices = {rho: generator.normal(70, 8, (4, len(LOCOMOTION))) for rho in (5, 10)}
    for rho, matrix in matrices.items():
        for i, task in enumerate(LOCOMOTION):
            experiments.add(8, task, "swg", f"rho={rho}", matrix[:, i], rho=float(rho))
    found, page, _ = experiments.report(tmp_path / "out", replicates=200)
    assert list(found["task"]) == ["mean over tasks"] * 2
    for (rho, matrix), published in zip(matrices.items(), (72.0, 72.9), strict=True):
        row = found.set_index("row").loc[f"rho={rho}"]
        assert row["published"] == published
        assert row["difference"] == pytest.approx(matrix.mean() - published)
        expected = np.array(interval(matrix)) - published
        assert [row["difference_lower"], row["difference_upper"]] == pytest.approx(expected)
    assert "| locomotion, mean over tasks | swg    | rho=5" in page
    assert "compared only with all of its tasks" not in page


def test_an_average_waits_for_all_tasks_and_says_so(experiments, tmp_path):
    for task in LOCOMOTION[:4]:
        experiments.add(3, task, "swg", "weight=linex", [50.0, 60.0])
    found, page, terminal = experiments.report(tmp_path / "out")
    assert len(found) == 0
    for text in (page, terminal):
        assert "weight=linex has 4 of 9 tasks of locomotion" in text


def test_other_data_have_no_number_beside_them_and_one_sentence_says_why(experiments, tmp_path):
    local = data_set("local", "local/hopper-medium", "f", 10)
    experiments.add(2, "hopper-medium-v2", "swg", "SWG", [50.0, 60.0], data=local)
    found, page, terminal = experiments.report(tmp_path / "out")
    assert len(found) == 0
    sentence = "No number of SWG Table 2 is compared with results on `local/hopper-medium` (local)"
    assert page.count(sentence) == terminal.count(sentence) == 1
    assert "68.6" not in page


@pytest.mark.parametrize(("version", "stands"), [("v0", True), ("v2", False)])
def test_antmaze_stands_on_version_0_only(experiments, tmp_path, version, stands):
    for task in ANTMAZE:
        data = data_set("d4rl", f"{task}-{version}", "f", 10)
        experiments.add(9, task, "swg", "rho=10", [60.0, 62.0, 64.0], data=data, rho=10.0)
    found, page, _ = experiments.report(tmp_path / "out")
    assert list(found["difference"]) == ([pytest.approx(62 - 69.6)] if stands else [])
    assert ("No number of SWG Table 9 is compared with" in page) is not stands
    assert ("trained on D4RL's `antmaze-umaze-v0`" in page) is not stands


def test_one_seed_has_no_interval(experiments, tmp_path):
    experiments.add(2, "hopper-medium-v2", "swg", "SWG", [70.0])
    found, page, _ = experiments.report(tmp_path / "out")
    assert np.isnan(found["difference_lower"][0])
    assert "+1.4 |" in page
    assert "No interval: 1 seed." in page


def test_results_of_no_experiment_have_no_such_section(experiments, folder, tmp_path):
    experiments.add(2, "hopper-medium-v2", "swg", "SWG", [70.0, 71.0])
    folder.add(control("hopper-medium-v2", "idql", 0, 1.0, suite="locomotion", data=_d4rl()))
    folder.add(control("hopper-medium-v2", "idql", 1, 1.0, suite="locomotion", data=_d4rl()))
    folder.write("experiments.json", {"format": FORMAT, "cells": experiments.cells})
    write_report(folder.path, tmp_path / "out", options=Options(replicates=200), methods=["idql"])
    assert "Compared with published results" not in (tmp_path / "out" / "report.md").read_text()
    assert not (tmp_path / "out" / "comparison.csv").exists()
    assert json.loads((folder.path / "experiments.json").read_text())["cells"]


def _d4rl():
    return data_set("d4rl", "hopper-medium-v2", "f", 10)
