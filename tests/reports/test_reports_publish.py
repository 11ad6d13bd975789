"""The leaderboard of contributed runs: its numbers, which rows stand together, and what has no row."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from contributed_folders import (
    TASKS,
    draw,
    fill,
    planned,
    publish,
    read_rows,
    recorded,
    scored,
    snapshot,
    write_little,
)
from synthetic_results import ResultsFolder, data_set, density

import bench.storage.publish as publishing
from reports.load.schema import Cell


@pytest.fixture(autouse=True)
def little_report(monkeypatch):
    """A report of one file, in the place of one that takes seconds."""
    monkeypatch.setattr(publishing, "write_report", write_little)


def find_row(site: Path, variant: str, tasks: str, **others: str) -> dict[str, str]:
    wanted = {"variant": variant, "tasks": tasks, **others}
    (row,) = (row for row in read_rows(site) if wanted.items() <= row.items())
    return row


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and t interval by scipy."""
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values))
    return float(np.mean(values)), low, high


def numbers(row: dict[str, str], *names: str) -> list[float]:
    return [float(row[name]) for name in names]


def test_rows_have_the_means_intervals_and_paired_differences_of_scipy(tmp_path):
    folder, _ = fill(tmp_path / "mine")
    before = snapshot(folder.path)
    publish(folder, tmp_path / "site")
    assert snapshot(folder.path) == before
    means = {
        (method, task): np.array([np.mean(draw(task, method, seed)) for seed in range(3)])
        for method in ("unguided", "swg")
        for task in TASKS
    }
    for task in TASKS:
        row = find_row(tmp_path / "site", "swg", task)
        assert numbers(row, "score", "lower", "upper") == pytest.approx(interval(means["swg", task]))
        gain = scipy.stats.ttest_rel(means["swg", task], means["unguided", task]).confidence_interval()
        found = numbers(row, "over_unguided_lower", "over_unguided_upper")
        assert found == pytest.approx([gain.low, gain.high])
        assert [row[n] for n in ("seeds", "fewest_episodes", "most_episodes", "rho")] == ["3", "5", "5", "5"]
    over_tasks = {m: np.mean([means[m, task] for task in TASKS], axis=0) for m in ("unguided", "swg")}
    row = find_row(tmp_path / "site", "swg", " ".join(TASKS))
    assert numbers(row, "score", "lower", "upper") == pytest.approx(interval(over_tasks["swg"]))
    wanted = interval(over_tasks["swg"] - over_tasks["unguided"])
    assert numbers(row, "over_unguided", "over_unguided_lower", "over_unguided_upper") == pytest.approx(wanted)
    assert len(read_rows(tmp_path / "site")) == 6
    listed = json.loads((tmp_path / "site" / "leaderboard.json").read_text())["rows"]
    assert [row["score"] for row in listed] == [float(row["score"]) for row in read_rows(tmp_path / "site")]


def test_results_that_two_runs_have_are_said(tmp_path):
    one, _ = fill(tmp_path / "one")
    more, _ = fill(tmp_path / "more", (0, 1, 2, 3))
    runs = publish(one, tmp_path / "site"), publish(more, tmp_path / "site")
    first, second = sorted(runs, key=lambda run: run.name)
    text = (tmp_path / "site" / "index.html").read_text()
    assert f"Run <code>{second.name}</code> has 12 results that run <code>{first.name}</code> has too" in text
    repeats = json.loads((tmp_path / "site" / "leaderboard.json").read_text())["repeats"]
    assert repeats == [{"run": second.name, "of": first.name, "results": 12}]


OTHERS = {
    "data": {"data": data_set("local", "local/maze2d-umaze-v0", "ff99", 100000)},
    "source": {"data": data_set("minari", "D4RL/pointmaze/umaze-v2", "ff98", 100000)},
    "terms": {"terms": "own"},
    "preset": {"preset": "paper"},
    "track": {"rho_source": "given"},
    "versions": {"versions": {"mujoco": "2.1.0", "gymnasium": "1.4.0"}},
    "shared_settings": {"config": {"critic.steps": 77, "critic.expectile": 0.7}},
}


def test_no_two_rows_of_a_group_differ_in_what_a_group_has_in_common(tmp_path):
    plain, _ = fill(tmp_path / "plain")
    publish(plain, tmp_path / "site")
    for number, changes in enumerate(OTHERS.values(), 1):
        folder = ResultsFolder(tmp_path / f"other-{number}")
        for seed in range(3):
            folder.add(scored(TASKS[0], "swg", seed, draw(TASKS[0], "swg", seed, 0.1 * number), **changes))
        publish(folder, tmp_path / "site")
    rows = [row for row in read_rows(tmp_path / "site") if row["variant"] == "swg" and row["tasks"] == TASKS[0]]
    names = ("source", "data", "terms", "preset", "shared_settings", "track", "versions")
    assert len({tuple(row[name] for name in names) for row in rows}) == len(rows) == len(OTHERS) + 1
    page = Elements((tmp_path / "site" / "index.html").read_text())
    assert max(len(group) for group in page.groups) == 1  # of each group, one run has one row
    more, _ = fill(tmp_path / "more", (5, 6, 7), 0.9)
    publish(more, tmp_path / "site")
    page = Elements((tmp_path / "site" / "index.html").read_text())
    assert max(len(group) for group in page.groups) == 2


class Elements(HTMLParser):
    """A page's scripts, the addresses that it leads to, and the rows of each group of the leaderboard."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts, self.links, self.images, self.groups, self.policy = 0, [], 0, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.scripts += tag == "script"
        self.images += tag == "img"
        self.links += [given["href"]] if tag == "a" else []
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag == "tr" and given.get("class") == "group":
            self.groups.append([])
        elif tag == "tr" and "data-facets" in given:
            self.groups[-1].append(json.loads(given["data-facets"] or "[]"))


def test_missing_and_failed_cells_are_named_and_in_no_mean(tmp_path):
    folder, results = fill(tmp_path / "mine")
    lost = scored(TASKS[0], "unguided", 3, [1.0])
    folder.write_plans([planned(lost)], [planned(result) for result in results])
    done = {name: results[0][name] for name in results[0] if name in Cell.model_fields}
    failed = {"method": "cep", "title": "CEP", "status": "failed", "rho": 1.0, "rho_source": "default"}
    folder.add({**done, **failed, "failure": {"step": "critic, step 50", "reason": "its loss is <b>NaN</b>"}})
    for seed in (1, 2):
        folder.add(scored(TASKS[0], "cep", seed, draw(TASKS[0], "cep", seed), rho=1.0, rho_source="default"))
    publish(folder, tmp_path / "site")
    assert {row["variant"] for row in read_rows(tmp_path / "site")} == {"swg", "unguided"}
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    (absent,) = document["absent"]
    assert (absent["variant"], absent["task"]) == ("cep", results[0]["task"])
    assert absent["why"] == "failed in critic, step 50, seed 0: its loss is <b>NaN</b>"
    assert document["runs"][0]["unfinished"] == [planned(lost)["path"]]
    text = (tmp_path / "site" / "index.html").read_text()
    assert "its loss is &lt;b&gt;NaN" in text
    assert "seed 3: an earlier plan has it, and it is not there" in text


def test_words_of_a_contributor_are_text_in_every_file(tmp_path):
    folder, _ = fill(tmp_path / "mine")
    name, note = "<script>window.harmed=1</script>", '=cmd() "><img src=x onerror=alert(1)> `**best**`\x1b[2J'
    place = publish(folder, tmp_path / "site", name=name, note=note)
    page = Elements((tmp_path / "site" / "index.html").read_text())
    assert (page.scripts, page.images) == (1, 0)
    assert page.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert {link for link in page.links if not link.startswith("#")} == {f"runs/{place.name}/report/index.html"}
    assert (tmp_path / "site" / "runs" / place.name / "report" / "index.html").is_file()
    said = json.loads((place / "run.json").read_text())
    assert said["note"].endswith("\\x1b[2J")
    assert "<strong>best" not in (tmp_path / "site" / "index.html").read_text()
    assert {row["name"] for row in read_rows(tmp_path / "site")} == {name}
    publish(fill(tmp_path / "other", (5, 6, 7))[0], tmp_path / "site", name="=1+1")
    assert "'=1+1" in {row["name"] for row in read_rows(tmp_path / "site")}


def test_a_sweep_has_its_tracks_and_none_chosen_by_the_reported_episodes(tmp_path):
    folder = ResultsFolder(tmp_path / "mine")
    results = []
    for rho in (1.0, 5.0):
        for task in TASKS:
            for seed in range(3):
                values = draw(task, "cep", seed, rho)
                results.append(scored(task, "swg", seed, values, rho=rho, rho_source="given"))
                folder.add(results[-1], f"{rho:g}")
    folder.write_ledger([recorded(result) for result in results])
    publish(folder, tmp_path / "site")
    rows = read_rows(tmp_path / "site")
    assert {row["track"] for row in rows} == {"given", "one-rho"}
    assert {row["rho"] for row in rows if row["track"] == "given"} == {"1", "5"}
    means = {
        (rho, task): np.array([np.mean(draw(task, "cep", seed, rho)) for seed in range(3)])
        for rho in (1.0, 5.0)
        for task in TASKS
    }
    for task, other in (TASKS, TASKS[::-1]):
        best = max((1.0, 5.0), key=lambda rho: means[rho, other].mean())
        (row,) = (row for row in rows if row["track"] == "one-rho" and row["tasks"] == task)
        assert float(row["rho"]) == best
        assert float(row["score"]) == pytest.approx(means[best, task].mean())


def test_scales_of_each_task_beside_a_sweep_are_one_variant_of_their_track(tmp_path):
    """Tuned: 3 on the first task, which the sweep lacks, and 5 on the second, which it has."""
    folder = ResultsFolder(tmp_path / "mine")
    own = dict(zip(TASKS, (3.0, 5.0), strict=True))
    runs = [(task, rho, "given") for task in TASKS for rho in (1.0, 5.0, 10.0)] + [(TASKS[0], 3.0, "tuned")]
    for task, rho, source in runs:
        for seed in range(3):
            declared = {"rho": own[task], "source": "tuned"}
            about = {"rho": rho, "rho_source": source, "declared_rho": declared}
            folder.add(scored(task, "swg", seed, draw(task, "cep", seed, rho), **about), f"{rho:g}")
    publish(folder, tmp_path / "site")
    rows = read_rows(tmp_path / "site")
    found = [tuple(row[name] for name in ("variant", "tasks", "track", "rho")) for row in rows]
    assert len(set(found)) == len(found)
    tuned = {row["tasks"]: row for row in rows if row["track"] == "tuned"}
    both = next(tasks for tasks in tuned if " " in tasks)
    assert tuned.keys() == {*TASKS, both}
    means = [np.array([np.mean(draw(task, "cep", seed, own[task])) for seed in range(3)]) for task in TASKS]
    assert numbers(tuned[both], "score", "lower", "upper") == pytest.approx(interval(np.mean(means, axis=0)))
    assert len([row for row in rows if row["track"] == "given"]) == 3 * 3
    assert json.loads((tmp_path / "site" / "leaderboard.json").read_text())["absent"] == []


def test_a_result_with_two_variants_has_one_row_of_its_track(tmp_path):
    """Tuned: 3 on the first task, which the sweep lacks, and 5 on the second, whose result says so itself."""
    folder, own = ResultsFolder(tmp_path / "mine"), dict(zip(TASKS, (3.0, 5.0), strict=True))
    for task in TASKS:
        for rho in sorted({1.0, 5.0, 10.0, own[task]}):
            source = "tuned" if rho == own[task] else "given"
            for seed in range(3):
                values = draw(task, "cep", seed, rho)
                about = {"rho": rho, "rho_source": source, "declared_rho": {"rho": own[task], "source": "tuned"}}
                folder.add(scored(task, "swg", seed, values, **about), f"{rho:g}")
    publish(folder, tmp_path / "site")
    every = [(row["tasks"], row["track"], row["rho"]) for row in read_rows(tmp_path / "site")]
    rows = [row for row in every if row[1] != "one-rho"]
    assert sorted(row for row in rows if row[0] == TASKS[1]) == [
        (TASKS[1], "given", "1"),
        (TASKS[1], "given", "10"),
        (TASKS[1], "tuned", "5"),
    ]
    (both,) = {tasks for tasks, *_ in rows if " " in tasks}
    assert sorted(track for tasks, track, _ in rows if tasks == both) == ["given", "given", "tuned"]


def test_densities_have_a_row_at_each_beta(tmp_path):
    folder = ResultsFolder(tmp_path / "mine")
    distances = {0: {3.0: 0.02, 10.0: 0.04}, 1: {3.0: 0.03, 10.0: 0.05}, 2: {3.0: 0.01, 10.0: 0.02}}
    for seed, own in distances.items():
        folder.add(density("moons", "swg", seed, own, rho=1.0, rho_source="exact", config={}))
    publish(folder, tmp_path / "site")
    rows = {row["unit"]: row for row in read_rows(tmp_path / "site")}
    for beta in (3.0, 10.0):
        row = rows[f"multiple of the noise floor at β = {beta:g}"]
        multiple = float(np.exp(np.mean([np.log(own[beta] / 0.01) for own in distances.values()])))
        assert float(row["score"]) == pytest.approx(multiple)
        assert (row["track"], row["versions"], row["fewest_episodes"]) == ("exact", "no simulator", "4000")
