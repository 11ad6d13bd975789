"""Tuning, a sweep and a report of two tasks: the ledger and the results are enough for curves and tracks."""

import pandas as pd
from command_line import FEW, TINY

MAZES = (
    "--suite",
    "maze2d",
    "--tasks",
    "maze2d-umaze,maze2d-medium",
    "--data-set.transitions",
    "600",
    *TINY,
    *FEW,
)
SWG = (*MAZES, "--methods", "swg", "--evaluation.episodes", "2")
GRID = (1.0, 5.0)


def test_what_was_tuned_and_swept_becomes_curves_and_tracks(bench, folders, shorten, tmp_path):
    shorten("maze2d", 4)
    scales = ",".join(map(str, GRID))
    assert bench("tune-rho", *SWG, *folders, "--grid", scales, "--seeds", "100,101").code == 0
    assert bench("run", *SWG, *folders, "--rho", scales, "--seeds", "1").code == 0
    told = bench("report", *folders[:2])
    assert told.code == 0, told.err
    out = tmp_path / "results" / "report"
    text = (out / "report.md").read_text()
    assert "### Expected online performance" in text
    assert (out / "maze2d-online.csv").is_file()
    online = pd.read_csv(out / "online.csv").set_index("curve")
    assert set(online.index) == {"bandit", "best of k", "best of k, same episodes"}
    assert set(online.loc["bandit", "among"]) == {2 * len(GRID)}, "two seeds of each scale"
    tracks = pd.read_csv(out / "tracks.csv").query("track in ('one-rho', 'budget=2', 'tuned', 'oracle')")
    assert set(tracks["task"]) == {"maze2d-umaze", "maze2d-medium", "all tasks"}
    assert (set(tracks["episodes"]), tracks["absent"].count(), tracks["score"].count()) == ({"reported"}, 0, 12)
