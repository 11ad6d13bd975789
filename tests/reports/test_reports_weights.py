"""Weights of the data and predicted ones: shares and means by hand; older results have none."""

import pytest
from blocks import find_one, say
from synthetic_results import control

from reports.analysis.weights import collect_weights
from reports.errors import ReportError
from reports.load.scores import load_scores
from reports.render.document import Details, Figure, Table
from reports.sections.weights import make_weights_section

TASK = "maze2d-umaze"
EDGES = [0.0, 0.25, 0.5, 1.0]


def add(folder, method, seed, learned, predicted, task=TASK):
    both = {
        "learned_weights": {"edges": EDGES, "counts": learned},
        "weights_histogram": {"edges": EDGES, "counts": predicted},
    }
    folder.add(control(task, method, seed, 1.0, **both))


def load(folder):
    (scores,) = load_scores(folder.path)
    return scores


def test_a_seed_counts_once_however_many_weights_it_has(folder):
    add(folder, "swg", 0, [1, 1, 2], [0, 0, 16])
    add(folder, "swg", 1, [0, 300, 100], [2, 0, 2])
    folder.add(control(TASK, "unguided", 0, 1.0))
    folder.add(control(TASK, "unguided", 1, 1.0))
    (found,) = collect_weights(load(folder))
    assert (found.task, found.variant) == (TASK, "swg")
    assert found.learned.tolist() == pytest.approx([1 / 8, 1 / 2, 3 / 8])
    assert found.predicted.tolist() == pytest.approx([1 / 4, 0, 3 / 4])
    # Middles at 0.125, 0.375 and 0.75.
    assert found.average(found.learned) == pytest.approx(0.125 / 8 + 0.375 / 2 + 0.75 * 3 / 8)
    blocks = make_weights_section(load(folder))
    figure = find_one(blocks, Figure)
    assert len(figure.marks) == 2 * 3
    assert figure.draw("png").startswith(b"\x89PNG")
    table = find_one(find_one(blocks, Details).blocks, Table)
    assert table.rows == ((f"{TASK} (local)", "swg", "0.484", "0.594", "+0.109"),)


def test_what_is_not_stored_with_every_seed_is_named(folder):
    add(folder, "swg", 0, [1, 1, 2], [0, 0, 16])
    add(folder, "swg", 0, [1, 1, 2], [0, 0, 0], task="maze2d-medium")
    blocks = make_weights_section(load(folder))
    assert "Not stored with every seed: `swg` on maze2d-medium." in say(blocks)
    assert set(find_one(blocks, Figure).marks["task"]) == {f"{TASK} (local)"}


def test_results_of_older_versions_have_no_such_section(folder):
    folder.add(control(TASK, "swg", 0, 1.0))
    assert make_weights_section(load(folder)) == []


@pytest.mark.parametrize(
    ("edges", "counts", "words"),
    [
        ([0.0, 1.0], [1, 2], "has 2 edges and 2 counts in a histogram"),
        ([0.0], [], "has 1 edges and 0 counts"),
        ([], [], "has 0 edges and 0 counts"),
        ([0.0, 1.0, 1.0], [1, 2], "edges that do not rise"),
    ],
)
def test_a_histogram_that_does_not_fit_is_one_sentence(folder, edges, counts, words):
    folder.add(control(TASK, "swg", 0, 1.0, weights_histogram={"edges": edges, "counts": counts}))
    with pytest.raises(ReportError, match=words) as refused:
        load(folder)
    assert "\n" not in str(refused.value)
