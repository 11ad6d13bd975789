"""The whole report, from result files to files, and what it says of cost, tuning, data and interventions."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic_results import control, data_set, density

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.report import write_report

TASKS = ("maze2d-umaze", "maze2d-medium")


@pytest.fixture
def filled(folder):
    generator = np.random.default_rng(0)
    means = {"unguided": 30.0, "idql": 45.0, "swg": 60.0}
    folder.add_matrix({m: generator.normal(mean, 5, (3, 2)) for m, mean in means.items()}, TASKS)
    return folder


def report(folder, out, **options):
    chosen = Options(replicates=200, pictures=options.pop("pictures", False))
    written = write_report(folder.path, out, options=chosen, **options)
    return written, (out / "report.md").read_text()


class Elements(HTMLParser):
    """A page's elements with their attributes, and the texts in them."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts = [], {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        inner = self.elements[-1][0] if self.elements else ""
        self.texts[inner] = self.texts.get(inner, "") + data

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def test_files_and_numbers(filled, tmp_path):
    out = tmp_path / "report"
    lines = []
    written, text = report(filled, out, progress=lines.append, pictures=True)
    assert written[0] == out / "report.md"
    assert {path.name for path in out.iterdir()} == {".cache", *(path.name for path in written)}
    assert {"index.html", "summary.txt", "scores.csv", "aggregates.csv"} <= {path.name for path in written}
    for name in ("maze2d-scores", "maze2d-aggregates", "maze2d-profile"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert f"]({name}.png)" in text
    assert "Probability of improvement over unguided" in text
    assert "95 % intervals by Student's t over 3 seeds" in text
    assert "By rliable: percentile intervals of its stratified bootstrap, 200 replicates over 3 seeds" in text
    assert any("18 results" in line for line in lines)

    cells = pd.read_csv(out / "scores.csv")
    assert len(cells) == 18
    aggregates = pd.read_csv(out / "aggregates.csv")
    mean = aggregates.query("variant == 'swg' and aggregate == 'mean'").iloc[0]
    assert mean["estimate"] == pytest.approx(cells.query("variant == 'swg'")["score"].mean() / 100)
    by_seed = cells.query("variant == 'swg'").groupby("seed")["score"].mean().to_numpy() / 100
    expected = scipy.stats.t.interval(0.95, 2, by_seed.mean(), scipy.stats.sem(by_seed))
    assert (mean["lower"], mean["upper"]) == pytest.approx(expected)
    assert mean["lower"] < mean["rliable_lower"] < mean["estimate"] < mean["rliable_upper"] < mean["upper"]
    assert len(pd.read_csv(out / "pairs.csv")) == 9  # three pairs over all tasks and on each of two
    assert len(pd.read_csv(out / "variance.csv")) == 6


def test_page_needs_no_other_file(filled, tmp_path):
    report(filled, tmp_path / "out")
    file = tmp_path / "out" / "index.html"
    assert file.stat().st_size <= 5_000_000
    page = Elements(file.read_text())
    assert {name for name, _ in page.elements} & {"link", "iframe", "object", "embed", "base"} == set()
    addresses = [value for _, given in page.elements for name, value in given.items() if name in ("src", "href")]
    assert {"data" if value.startswith("data:image/png") else value[:1] for value in addresses} <= {"data", "#"}
    assert "url(" not in page.texts["style"]
    assert page.count("table") >= 4
    assert page.count("img") + sum("data-chart" in given for _, given in page.elements) >= 3


def test_every_heading_and_row_has_an_address_and_the_contents_lead_there(filled, tmp_path):
    report(filled, tmp_path / "out")
    page = Elements((tmp_path / "out" / "index.html").read_text())
    ids = [given["id"] for _, given in page.elements if "id" in given]
    assert len(ids) == len(set(ids))
    headed = [given.get("id") for name, given in page.elements if name in ("h1", "h2", "h3", "h4")]
    assert {"maze2d", "maze2d-scores", "maze2d-settings"} < set(headed)
    rows = [given.get("id") for name, given in page.elements if name == "tr" and "id" in given]
    assert len(rows) == page.count("tr") - page.count("thead")
    assert "maze2d-scores-table--maze2d-umaze-local" in rows
    assert "maze2d-pairs-by-task-table--maze2d-umaze-swg-idql" in rows
    links = [given["href"] for name, given in page.elements if name == "a"]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    shown = [given["id"] for name, given in page.elements if name in ("h2", "h3")]
    assert links[1 : 1 + len(shown)] == [f"#{anchor}" for anchor in shown]  # after the title's own


def test_the_answer_comes_before_the_contents(filled, tmp_path):
    report(filled, tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    order = [page.index(text) for text in ("<h1", "<strong>maze2d</strong>, 2 tasks", "18 results", "<nav", "<h2")]
    assert order == sorted(order)


def test_the_seeds_behind_a_score_are_in_its_cell(folder, tmp_path):
    for seed, score in enumerate((12.0, 13.5, 40.0)):
        folder.add(control("maze2d-umaze", "swg", seed, score))
        folder.add(control("maze2d-medium", "swg", seed, score + 10))
    report(folder, tmp_path / "out")
    page = Elements((tmp_path / "out" / "index.html").read_text())
    titles = [given["title"] for name, given in page.elements if name == "button"]
    assert titles == [
        "seed 0: 22.0, seed 1: 23.5, seed 2: 50.0; 2 episodes each",
        "seed 0: 12.0, seed 1: 13.5, seed 2: 40.0; 2 episodes each",
        "seed 0: 17.0, seed 1: 18.5, seed 2: 45.0; each the mean over 2 tasks",
    ]


def test_same_results_same_bytes(filled, tmp_path):
    first, _ = report(filled, tmp_path / "a")
    second, _ = report(filled, tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_nothing_is_written_when_a_cell_is_missing(filled, tmp_path):
    next((filled.path / "runs").glob("*/swg-0/seed-1.json")).unlink()
    with pytest.raises(ReportError, match=r"1 result\(s\) are missing"):
        report(filled, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_baseline_and_other_requests(filled, tmp_path):
    _, text = report(filled, tmp_path / "out", baseline="idql")
    assert "Probability of improvement over idql" in text
    with pytest.raises(ReportError, match="no variant 'cep' to compare with; there are: idql, swg, unguided"):
        report(filled, tmp_path / "out", baseline="cep")
    with pytest.raises(ReportError, match="3 bootstrap replicates are too few"):
        write_report(filled.path, tmp_path / "out", options=Options(replicates=3))
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="which is a file"):
        report(filled, tmp_path / "file")


def test_without_unguided_the_first_is_the_baseline(filled, tmp_path):
    _, text = report(filled, tmp_path / "out", methods=["idql", "swg"], tasks=[TASKS[0]])
    assert "Probability of improvement over idql" in text
    rest = text.replace("the method `unguided` and the task `maze2d-medium`", "")
    assert "unguided" not in rest
    assert "maze2d-medium" not in rest


def test_one_result_alone(folder, tmp_path):
    folder.add(control("maze2d-umaze", "swg", 0, 12.0))
    _, text = report(folder, tmp_path / "out")
    assert "No interval: 1 seed." in text
    assert "Probability of improvement" not in text
    row = pd.read_csv(tmp_path / "out" / "aggregates.csv").iloc[0]
    assert np.isnan(row["lower"])


def test_interventions_are_warned_of(folder, tmp_path):
    def add(seed, by_level, rows=0):
        evaluations = {"function": 0, "gradient": 0, "beside": 0, "guided_rows": rows}
        interventions = {"nan_gradients": by_level}
        folder.add(control("a", "swg", seed, 1.0, interventions=interventions, evaluations=evaluations))

    add(0, [0, 0])
    assert "**Warning:**" not in report(folder, tmp_path / "a")[1]
    add(1, [3, 4])
    assert "nan gradients of `swg` 7." in report(folder, tmp_path / "b")[1]
    add(0, [1, 0], rows=100)
    add(1, [3, 4], rows=300)
    # 8 of 400 rows; the rows themselves are no intervention.
    _, text = report(folder, tmp_path / "c")
    assert "nan gradients of `swg` 8 (2.0 %)." in text
    assert "guided rows of" not in text
    assert (text.count("nan gradients of"), text.count("torch 2.13.0")) == (1, 1)
    cells = pd.read_csv(tmp_path / "c" / "scores.csv")
    assert list(cells["interventions_nan_gradients"]) == [1, 7]
    assert list(cells["guided_rows"]) == [100, 300]


def test_published_numbers_only_for_the_same_data(folder, tmp_path):
    task = "hopper-medium-v2"
    d4rl = data_set("d4rl", task, "f", 10)
    minari = {**d4rl, "source": "minari"}
    folder.add(control(task, "swg", 0, 1.0, suite="locomotion", data=d4rl))
    _, text = report(folder, tmp_path / "a")
    assert "#### SWG Table 2" in text
    # IQL, SfBC and IDQL on hopper-medium-v2 as SWG's Table 2 prints them.
    assert re.search(r"\| hopper-medium-v2 \(d4rl\) \| +1\.0 \| +58 \| 66\.3 \| 57\.1 \| 65\.4 ", text)
    folder.add(control(task, "swg", 0, 1.0, suite="locomotion", data=minari))
    _, text = report(folder, tmp_path / "b")
    assert "SWG Table 2" not in text
    assert "data of the source `minari`" in text


def test_published_numbers_go_with_the_version_of_the_data(folder, tmp_path):
    def shown(version):
        data = data_set("d4rl", f"antmaze-umaze-{version}", version, 10)
        folder.add(control("antmaze-umaze", "swg", 0, 1.0, suite="antmaze", data=data))
        text = report(folder, tmp_path / version)[1]
        return "#### SWG Table 2" in text, "#### AEPO Table 2" in text

    assert shown("v0") == (True, True)  # SWG's code takes v0; AEPO's table names no version
    assert shown("v2") == (False, True)


@pytest.mark.parametrize(
    ("source", "name", "canonical", "label", "said"),
    [
        ("local", "local/hopper-1k-v1", "d4rl", "local", "made here, not D4RL's"),
        ("local", "local/hopper-1k-v1", "minari", "local", "made here, not Minari's"),
        ("local", "local/hopper-1k-v1", None, "local", "made here"),
        ("d4rl", "hopper-v2", "d4rl", "d4rl", "D4RL's data"),
        ("d4rl", "hopper-v0", "d4rl", "d4rl:v0", "D4RL's data"),
        ("minari", "hopper-v2", "minari", "minari", "Minari's data"),
        ("minari", "mine/hopper-v2", "d4rl", "minari", "Minari's data, not D4RL's"),
        ("file", "hopper.hdf5", "d4rl", "file", "the user's own file"),
    ],
)
def test_every_title_and_label_says_the_source(folder, tmp_path, source, name, canonical, label, said):
    data = data_set(source, name, canonical=(canonical, "hopper-v2") if canonical is not None else None)
    for method in ("unguided", "swg"):
        folder.add(control("hopper", method, 0, 1.0, suite="locomotion", data=data))
    out = tmp_path / "out"
    _, text = report(folder, out)
    scored = re.search(r"\n## locomotion.*?(?=\n### Settings)", text, re.S)
    assert scored is not None
    titles = re.findall(r"^##+ (?!#)(.*)$", scored[0], re.M)
    assert len(titles) >= 5
    for title in [title for title in titles if not re.search("Table|Cost", title)]:
        assert title.endswith(f", data {label}: {said}"), title
    assert f"\n| hopper ({label}) |" in text
    assert f"locomotion, data {label}: {said}. Normalised score" in (out / "summary.txt").read_text()
    assert set(pd.read_csv(out / "aggregates.csv")["data"]) == {label}
    gets = "`python -m bench data fetch hopper` gets D4RL's" in text
    assert gets == (canonical == "d4rl" and source != "d4rl")


def test_densities_have_no_source_to_name(folder, tmp_path):
    folder.add(density("rings", "swg", 0, {3.0: 0.02}))
    _, text = report(folder, tmp_path / "out")
    assert "\n## toy\n" in text
    assert "data local" not in text
    assert "rings (local)" not in text


def test_success_rates_stand_below_the_scores_where_the_suite_has_them(filled, tmp_path):
    assert "Success rate" not in report(filled, tmp_path / "without")[1]
    episodes = [{"return": 9.0, "length": 1, "seed": 0, "normalized": 9.0, "success": True}]
    shorter = {m: np.full((3, 2), 9.0) for m in ("unguided", "idql", "swg")}
    filled.add_matrix(shorter, TASKS, episodes=episodes)
    text = report(filled, tmp_path / "with")[1]
    table = text.partition("### Success rate")[2].partition("### Aggregates")[0]
    assert table.count("1.00 (3 of 3)") == 6
