"""The report says who chose ρ, on which seeds and data, and what that took."""

from synthetic_results import FORMAT, control, data_set
from synthetic_results import tuned as choice

from reports.analysis.suite import Options
from reports.report import write_report


def report(folder, out):
    write_report(folder.path, out, options=Options(replicates=200))
    return (out / "report.md").read_text()


def test_tuning_section(folder, tmp_path):
    tuned = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 120, "trials": 6}}
    for seed in (0, 1):
        folder.add(control("maze2d-umaze", "swg", seed, 60.0 + seed, **tuned))
        folder.add(control("maze2d-umaze", "unguided", seed, 30.0 + seed))
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([100, 101])]})
    text = report(folder, tmp_path / "a")
    assert "Tuning ρ took 120 episodes in addition to the 4 reported ones, on other seeds" in text
    row = next(line for line in text.splitlines() if "| tuned " in line)
    assert [c.strip() for c in row.strip("|").split("|")] == [
        "maze2d-umaze (local)",
        "swg",
        "tuned",
        "5",
        "120",
        "6",
        "100, 101",
        "grid 1, 5, 10",
    ]
    folder.write("tuned.json", {"format": FORMAT, "choices": [choice([1, 101])]})
    text = report(folder, tmp_path / "b")
    assert "**Warning:** tuning took 120 episodes" in text
    assert "seed(s) that are also reported (1)" in text
    (folder.path / "tuned.json").unlink()
    assert "does not say on which seeds" in report(folder, tmp_path / "c")


def test_a_choice_on_other_data_is_not_shown(folder, tmp_path):
    tuned = {"rho": 5.0, "rho_source": "tuned", "tuning": {"episodes": 120, "trials": 6}}
    folder.add(control("maze2d-umaze", "swg", 0, 60.0, **tuned))
    mine, other = choice([100]), choice([0], data=data_set("d4rl", "local/maze2d-umaze-v0", "cd34"))

    def tuning_row(out, *choices):
        folder.write("tuned.json", {"format": FORMAT, "choices": choices})
        text = report(folder, tmp_path / out)
        assert "seed(s) that are also reported" not in text
        lines = text.splitlines()
        start = next(i for i, line in enumerate(lines) if "tuning seeds |" in line)
        names, cells = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 3 : 2]
        )
        assert "what tuning spent, data local: made here" in text
        return dict(zip(names, cells, strict=True)), "does not say on which seeds" in text

    cells, unknown = tuning_row("both", mine, other)
    assert (cells["task"], cells["tuning seeds"], unknown) == ("maze2d-umaze (local)", "100", False)
    cells, unknown = tuning_row("other", other)
    assert (cells["task"], cells["tuning seeds"], unknown) == ("maze2d-umaze (local)", "–", True)
    cells, unknown = tuning_row("none")
    assert (cells["tuning seeds"], unknown) == ("–", True)
    assert "data" not in cells, "one source has no column"
