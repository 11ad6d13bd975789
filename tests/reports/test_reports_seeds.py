"""A report says in a line what its seeds vary and what they do not."""

import re

import pytest
from synthetic_results import control, density

from reports.analysis.suite import Options
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
