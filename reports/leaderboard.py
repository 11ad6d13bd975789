"""Makes the index of a site of contributed runs: a page, and its leaderboard as CSV and JSON.

Everything is computed from the results of the runs each time; nothing is taken from an earlier index.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundation.text import clean_value
from reports.analysis.contributed import ContributedRun, collect_rows, read_contributed
from reports.analysis.leaderboard import Absent, Row
from reports.analysis.recorded import count_repeats, refuse_copied_seeds
from reports.load.contribution_schema import SITE
from reports.load.contributions import check_site, read_runs
from reports.render.csv import format_csv
from reports.render.page.page import render_page
from reports.sections.leaderboard import TITLE, make_site_blocks

PAGE, CSV, JSON = "index.html", "leaderboard.csv", "leaderboard.json"
_COLUMNS = (
    "run,name,suite,tasks,unit,source,data,terms,preset,shared_settings,track,versions,variant,score,lower,upper,"
    "over_unguided,over_unguided_lower,over_unguided_upper,seeds,fewest_episodes,most_episodes,rho,trials,"
    "tuning_episodes,processor"
)


def render_site(site: Path) -> dict[str, bytes]:
    """The files of a site's index by their names, with what its runs have now.

    Raises:
        ReportError: it is no site, or a run is damaged.
    """
    check_site(site)
    runs = [read_contributed(run.results, run.said) for run in read_runs(site)]
    refuse_copied_seeds([result for run in runs for result in run.results])
    rows, absent = collect_rows(runs)
    repeats = count_repeats({run.said.id: run.results for run in runs})
    names = {run.said.id: run.said.name for run in runs}
    blocks = make_site_blocks(runs, rows, absent, repeats)
    return {
        PAGE: render_page(TITLE, blocks).encode(),
        CSV: format_csv(_COLUMNS, [tuple(_list_values(row, names).values()) for row in rows]).encode(),
        JSON: _export_json(runs, rows, absent, repeats, names).encode(),
    }


def _list_values(row: Row, names: dict[str, str]) -> dict[str, Any]:
    """A row's values by the names of the CSV file's columns."""
    group, gain = row.group, row.gain
    values = (
        *(row.run, names[row.run], group.suite, " ".join(group.tasks), group.unit, group.source, group.data),
        *(group.terms, group.preset, group.shared, group.track, group.versions, row.variant),
        *(row.score.value, row.score.lower, row.score.upper),
        *((gain.value, gain.lower, gain.upper) if gain is not None else (None,) * 3),
        *(row.seeds, *row.episodes, " ".join(f"{scale:g}" for scale in row.scales)),
        *(row.trials, row.tuning_episodes, "; ".join(row.processors)),
    )
    return dict(zip(_COLUMNS.split(","), values, strict=True))


def _export_json(
    runs: Sequence[ContributedRun],
    rows: Sequence[Row],
    absent: Sequence[Absent],
    repeats: dict[tuple[str, str], int],
    names: dict[str, str],
) -> str:
    document = {
        "site": SITE,
        "runs": [_describe_run(run) for run in runs],
        "rows": [_clean(_list_values(row, names)) for row in rows],
        "absent": [_clean(vars(each)) for each in absent],
        "repeats": [{"run": run, "of": other, "results": count} for (other, run), count in repeats.items()],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _describe_run(run: ContributedRun) -> dict[str, Any]:
    said = run.said
    return _clean(
        {
            "run": said.id,
            "content": said.content,
            "name": said.name,
            "note": said.note,
            "created": said.created,
            "results": len(run.results),
            "failed": len(run.failed),
            "unfinished": [cell.path for cell in run.unfinished],
            "has_plan": run.has_plan,
            "unrecorded": run.unrecorded,
            "frozen_plan": run.frozen.hash if run.frozen is not None else None,
        }
    )


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    """Texts on one line with control characters written out; what is no finite number is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else clean_value(value)
        for name, value in values.items()
    }
