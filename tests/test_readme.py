"""The README's method works when it is pasted into a file, and its commands exist."""

import contextlib
import re
from pathlib import Path

import pytest

from bench.cli.main import main

README = (Path(__file__).parent.parent / "README.md").read_text()


def example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    return code


def test_the_example_is_short():
    assert len(example().splitlines()) < 60


def test_the_pasted_example_runs_and_is_reported(tmp_path, capsys):
    plugin = tmp_path / "sfbc.py"
    plugin.write_text(example())
    folders = ["--results", str(tmp_path / "results")]
    what = [
        "--suite",
        "toy",
        "--tasks",
        "moons",
        "--methods",
        "unguided,sfbc",
        "--preset",
        "smoke",
        "--seeds",
        "1",
    ]
    main(["run", *what, "--plugin", str(plugin), "--artifacts", str(tmp_path / "artifacts"), *folders])
    main(["report", *folders])
    assert "sfbc" in capsys.readouterr().out.split("Report:")[0].rpartition("unguided")[2]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m bench ([a-z-]+)", README))))
def test_every_command_of_the_readme_has_help(command, capsys):
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    assert f"bench {command}" in capsys.readouterr().out
