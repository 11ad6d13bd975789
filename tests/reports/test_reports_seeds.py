"""A report says in a line what its seeds vary and what they do not."""

import re

import pytest
from synthetic_results import control, data_set, density

from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.scores import load_scores
from reports.report import write_report


def line(folder) -> tuple[str, str]:
    """What is varied, and what is not."""
    text = write_report(folder.path, folder.path / "report", options=Options(replicates=100))[0].read_text()
    (found,) = re.findall(r"A seed varies (.*); it does not vary (.*), so no interval", text)
    return found


@pytest.mark.parametrize("shared", [False, True])
def test_starts_vary_where_no_two_seeds_share_a_reset(folder, shared):
    for seed in (0, 1):
        made = control("a", "swg", seed, 1.0)
        for number, episode in enumerate(made["episodes"]):
            episode["seed"] = number + (0 if shared else 100 * seed)
        folder.add(made)
    varied, common = line(folder)
    assert "initial weights, minibatches" in varied
    assert ("starting states" in common) == shared
    assert ("starting states" in varied) != shared
    assert common.endswith("the data set, which is one for each task")


def test_a_density_has_no_episodes(folder):
    folder.add(density("a", "swg", 0, {0.0: 1.0}))
    varied, common = line(folder)
    assert varied.endswith("the noise of the samples and the target's samples")
    assert "starting states" not in common


def per_seed(task: str, seed: int, fingerprint: str, size: str = "10k") -> dict:
    number = f"-seed{seed}" if seed else ""
    return {**data_set("local", f"local/{task}-{size}{number}-v1", fingerprint), "per_seed": True}


def test_the_data_vary_where_no_two_seeds_have_one_fingerprint(folder):
    for seed in (0, 1, 12):
        for method in ("unguided", "swg"):
            folder.add(control("a", method, seed, 1.0, data=per_seed("a", seed, f"f{seed}")))
    varied, common = line(folder)
    assert varied.endswith(" and the data set")
    assert common.endswith("the recipe and the size of the data, which are one for each task")


def test_equal_fingerprints_vary_nothing_whatever_the_results_say_of_their_seeds(folder):
    for seed in (0, 1):
        folder.add(control("a", "swg", seed, 1.0, data=per_seed("a", seed, "f")))
    varied, common = line(folder)
    assert "data" not in varied
    assert common.endswith("the data set, which is one for each task")


def test_of_two_tasks_one_may_have_a_set_for_each_seed(folder):
    for seed in (0, 1):
        folder.add(control("a", "swg", seed, 1.0, data=per_seed("a", seed, f"f{seed}")))
        folder.add(control("b", "swg", seed, 1.0))
    varied, common = line(folder)
    assert varied.endswith(" and the data set of a")
    assert common.endswith("the data set of the other tasks, which is one for each task")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            per_seed("a", 1, "other"),
            "task a mixes data fingerprints: (f1|other) .*seed 1. and (f1|other) ",
        ),
        (per_seed("a", 1, "f1", "20k"), "task a mixes data sets: local/a-[12]0k-v1 .* and local/a-[12]0k-v1"),
        (data_set("local", "local/a-10k-v1", "f1"), "task a mixes data sets of one and of each seed"),
    ],
)
def test_methods_share_the_set_of_each_seed(folder, data, said):
    for seed in (0, 1):
        folder.add(control("a", "unguided", seed, 1.0, data=per_seed("a", seed, f"f{seed}")))
    folder.add(control("a", "swg", 0, 1.0, data=per_seed("a", 0, "f0")))
    folder.add(control("a", "swg", 1, 1.0, data=data))
    with pytest.raises(ReportError, match=said):
        load_scores(folder.path)
