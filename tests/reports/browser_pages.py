"""Pages that the tests in a browser open: one of every kind of block, and a report whose charts lack marks."""

from pathlib import Path

import numpy as np
import pandas as pd
from grouped_table import make_grouped_table
from made_components import curve, part
from synthetic_results import ResultsFolder, control, density, evaluation

from reports.figures.curves import make_curves_figure
from reports.render.document import Block, Details, Figure, Heading, Table, Text

HOSTILE = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1></script>|_=cmd"
COLOURS = {"field": "variant", "type": "nominal"}
POINTS = {
    "mark": {"type": "point", "filled": True, "size": 400},
    "height": 90,
    "encoding": {
        "x": {"field": "value", "type": "quantitative"},
        "y": {"field": "variant", "type": "nominal"},
        "color": COLOURS,
        "tooltip": [{"field": "variant"}, {"field": "value", "format": ".2f", "type": "quantitative"}],
    },
}
BARS = {
    "mark": "bar",
    "height": 100,
    "width": 300,
    "encoding": {"x": COLOURS, "y": {"field": "value", "type": "quantitative"}},
}
CHARTS = {
    "points": POINTS,
    "panels": {"facet": {"field": "task", "type": "nominal"}, "columns": 3, "spec": BARS},
    "beside": {"concat": [BARS, BARS], "columns": 2},
}


def make_blocks() -> list[Block]:
    """Every kind of block, with names that do harm where they are taken for markup."""
    marks = pd.DataFrame(
        [
            {"task": task, "variant": v, "value": n + 0.25, "none": np.nan}
            for task in ("a", "b", "c")
            for n, v in enumerate(("swg", "cep", HOSTILE))
        ]
    )
    figures = [
        Figure(name, f"The chart {name}.", marks, chart, lambda kind: b"") for name, chart in CHARTS.items()
    ]
    cells = ("31.6 ± 1.4", "**-4.2 ± 4.2**", "+0.6 [-1.0, +2.2]", "–", "<0.001", "1,200")
    rows = tuple((f"row {n}", cell, "x") for n, cell in enumerate(cells))
    notes, lines = {(0, 1): "seed 0: 30.2, seed 1: 33.0"}, {(0, 1): ("seed 0: 1.0, 59.4", HOSTILE)}
    wide = tuple((f"task {n}", *(f"{n}.{c} [0.0, 99.9]" for c in range(20))) for n in range(9))
    return [
        Heading(1, "A report"),
        Text("**maze2d**: an answer."),
        Text("A warning.", warning=True),
        Heading(2, "maze2d"),
        Table(("name", "value", "words"), rows, name="values-table", notes=notes, lines=lines),
        *figures,
        Heading(2, HOSTILE),
        Text(HOSTILE),
        Table((HOSTILE, "a"), ((HOSTILE, "=cmd"), ("50 % of a_b {x} \\ ~^&#$", "-1.5")), words=2, name=HOSTILE),
        Details(HOSTILE, (Table(("task", *map(str, range(20))), wide, name="wide-table"),)),
        Heading(2, "Groups"),
        make_grouped_table(HOSTILE),
    ]


def make_few_seeds(path: Path) -> ResultsFolder:
    """A sweep of one seed on tasks of which one was tuned on, and a density: layers of charts have no marks."""
    folder, rhos = ResultsFolder(path), (0.0, 1.0, 5.0)
    for task in ("maze2d-umaze", "maze2d-medium"):
        for rho in rhos:
            record = control(task, "swg", 0, 10 + rho, rho=rho, rho_source="given")
            declared = {"rho": 1.0, "source": "default"}
            folder.add({**record, "declared_rho": declared, "interventions": {"nan_gradients": [3, 0]},
                        "evaluations": {**record["evaluations"], "guided_rows": 40}}, f"{rho:g}")  # fmt: skip
        folder.add(control(task, "unguided", 0, 5.0))
    tried = [evaluation("tuning", [7, 8], rho, values=[[9.0] * 10] * 2, preset="quick") for rho in rhos]
    folder.write_ledger(tried)
    generator = np.random.default_rng(0)
    for method, distance in {"unguided": 0.4, "cep": 0.1}.items():
        file = folder.add(density("rings", method, 0, {3.0: distance}, samples_file="seed-0.npz"))
        points = generator.normal(size=(2, 300, 2))
        np.savez(file.with_suffix(".npz"), ours_3=points[0], truth_3=points[1])
    return folder


def make_curves() -> list[Block]:
    """Learning curves of two tasks, of which the second lacks a quantity."""
    parts = [part(seed, "one", curve=curve(3.0, 2.0, 1.0, norm=[8.0, 2.0, 0.1])) for seed in range(3)]
    parts += [part(seed, "two", curve=curve(3.0, 2.0, 1.0)) for seed in range(3)]
    return [Heading(1, "A report"), make_curves_figure("maze2d", "critic", parts)]
