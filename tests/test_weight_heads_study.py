"""The study of SWG's weight heads: parameters and tables on numbers worked by hand, and the whole in small."""

import itertools
import json
from pathlib import Path

import pytest
from study_scripts import load_study

study = load_study("weight_heads")


def test_parameters_are_those_of_the_layers():
    """Width 256, 3 blocks of 4 times that, 17 observations, 6 actions and a weight, 256 features of the level."""
    layers = {"level": (128, 256, 256), "head": (256, 256, 1), "own": (280, 256, 256, 1)}

    def count(sizes: tuple[int, ...]) -> int:
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes))

    block = count((256, 1024, 256)) + 2 * 256
    shared = 64 + count(layers["level"]) + count((280, 256)) + 3 * block + count((256, 6))
    found = study.count_parameters()
    assert found == dict.fromkeys(("early", "middle", "last"), shared + count(layers["head"])) | {
        "own": shared + count(layers["own"])
    }


def density(multiple: float, is_most: bool = False) -> dict:
    return {"multiple": multiple, "error": 0.0, "effective": 3.0 * multiple, "is_most": is_most}


def test_a_head_has_one_row_and_is_compared_with_the_authors():
    heads = ("early", "middle", "last", "own")
    scores = {"early": [1.0, 2.0, 6.0], "middle": [0.0, 2.0, 4.0], "last": [0.0, 2.0, 4.0], "own": [3.0, 5.0, 7.0]}
    by_head = {head: [density(1.0), density(2.0), density(4.0, is_most=True)] for head in heads}
    measured = {
        "parameters": dict.fromkeys(heads, 1234),
        "cost": {head: {"1": [1.0, 2.0, 3.0]} for head in heads},
        "scores": scores,
        "densities": {"moons": {"3": by_head}, "rings": {"3": by_head}},
    }
    first, second = study.make_tables(measured)
    assert [row[0] for row in first.rows] == list(heads)
    early, middle = first.rows[:2]
    assert early[1:4] == ("1,234", "2.00 [1.10, 2.90]", "3.0 ± 2.6")
    # Differences 1, 0, 2: mean 1, t(0.975, 2) = 4.303 times 1 / √3.
    assert early[4] == "+1.0 [-1.5, +3.5]"
    assert middle[4] == "–"
    assert first.rows[3][4] == "+3.0", "seeds that all differ alike have no interval"
    assert early[5].startswith("2.0 [")  # the geometric mean of 1, 2 and 4
    assert second.rows[0][:3] == ("moons", "3", "early")
    assert second.rows[0][3].startswith("2.0 [")
    assert second.rows[0][4] == "≥ 6.00"


@pytest.mark.slow
@pytest.mark.usefixtures("short_episodes")
def test_the_whole_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folders = [f"--{name}={tmp_path / name}" for name in ("results", "artifacts", "out")]
    tiny = ["--tiny", "--seeds=3", "--toy-seeds=3", "--toy-samples=50", "--processes=1", *folders]
    study.main(tiny)
    found = json.loads((tmp_path / "out" / "measured.json").read_text())
    assert list(found["scores"]) == list(found["cost"]) == ["early", "middle", "last", "own"]
    multiples = {
        head: [each["multiple"] for each in seeds] for head, seeds in found["densities"]["moons"]["3"].items()
    }
    assert len({tuple(each) for each in multiples.values()}) == 4, "every head has weights of its own"
    tables = (tmp_path / "out" / "tables.md").read_text()
    capsys.readouterr()
    study.main([*tiny, "--plan"])
    assert capsys.readouterr().out.count("nothing to do: all results exist") == 2  # on both suites
    study.main([*tiny, "--kept"])
    assert (tmp_path / "out" / "tables.md").read_text() == tables
