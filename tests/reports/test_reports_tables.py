"""The printed cells, against values worked by hand."""

import numpy as np
from synthetic_results import control, density

from reports.analysis.suite import Options, analyse, analyse_control, analyse_densities
from reports.load.scores import load_scores
from reports.render.document import Table, format_inline, format_markdown_table, split_table
from reports.render.tables import (
    describe_scores,
    format_mean,
    summarize,
    tabulate_aggregates,
    tabulate_distances,
    tabulate_improvements,
    tabulate_multiples,
    tabulate_scores,
    tabulate_shares,
    tabulate_success,
)

OPTIONS = Options(replicates=200)


def test_mean_and_deviation_by_hand():
    # Mean 20; squared distances 100 + 0 + 100 over n - 1 = 2: sd 10.
    assert format_mean(np.array([10.0, 20.0, 30.0])) == "20.0 ± 10.0"
    assert format_mean(np.array([63.24])) == "63.2"


def test_score_table(folder):
    tasks = ("a", "b")
    folder.add_matrix(
        {
            "unguided": np.array([[10.0, 0.0], [20.0, 2.0], [30.0, 4.0]]),
            "swg": np.array([[50.0, 60.0], [50.0, 70.0], [50.0, 80.0]]),
        },
        tasks,
    )
    (scores,) = load_scores(folder.path)
    table = tabulate_scores(scores)
    assert table.header == ("task", "unguided", "swg")
    assert table.rows == (
        ("a (local)", "20.0 ± 10.0", "50.0 ± 0.0"),
        ("b (local)", "2.0 ± 2.0", "70.0 ± 10.0"),
        # Seeds' means 5, 11, 17 (sd 6) and 55, 60, 65 (sd 5); ± 4.303 sd / sqrt(3).
        ("mean over tasks", "11.0 [-3.9, 25.9]", "60.0 [47.6, 72.4]"),
    )
    assert "over 3 seeds (0, 1, 2); 2 episodes per seed" in describe_scores(scores)

    analysis = analyse_control(scores, None, OPTIONS)
    # swg lies above unguided in every pair of runs; the IQM of 0 2 4 10 20 30 leaves one out at each end.
    assert tabulate_improvements(analysis).rows == (("swg", "1.000 [0.337, 1.000]"),)
    rows = {row[0]: row for row in tabulate_aggregates(analysis.aggregates).rows}
    assert rows["unguided"][1].startswith("0.090 [")
    assert rows["swg"][3].startswith("0.400 [")
    assert "50.0 ± 0.0" in summarize([analysis], OPTIONS)


def test_one_seed_says_so(folder):
    folder.add(control("a", "swg", 3, 12.34))
    (scores,) = load_scores(folder.path)
    assert tabulate_scores(scores).rows == (("a (local)", "12.3"),)
    assert "one seed (3), so there is no standard deviation" in describe_scores(scores)
    text = summarize([analyse(scores, None, OPTIONS)], OPTIONS)
    assert "No interval: 1 seed." in text
    assert "[" not in text


def test_episodes_that_differ_are_counted_apart(folder):
    folder.add(control("a", "swg", 0, 1.0))
    folder.add(control("b", "swg", 0, 1.0, episodes=[{"return": 1.0, "length": 1, "seed": 0, "normalized": 1.0}]))
    assert "episodes per seed: a 2; b 1" in describe_scores(load_scores(folder.path)[0])


def test_distances_and_multiples_by_hand(folder):
    for task, factor in (("moons", 1.0), ("rings", 4.0)):
        for seed, shift in ((0, -0.01), (1, 0.0), (2, 0.01)):
            folder.add(density(task, "unguided", seed, {10.0: 0.5 + shift}, floor=0.02))
            folder.add(density(task, "swg", seed, {10.0: 0.05 * factor + shift}, floor=0.02))
    analysis = analyse_densities(load_scores(folder.path)[0], None)
    assert tabulate_distances(analysis).header == ("set", "variant", "β = 10")
    assert tabulate_distances(analysis).rows == (
        ("moons", "(noise floor)", "0.0200"),
        ("moons", "unguided", "0.5000 [0.4752, 0.5248]"),  # ± 4.303 * 0.01 / sqrt(3)
        ("moons", "swg", "0.0500 [0.0252, 0.0748]"),
        ("rings", "(noise floor)", "0.0200"),
        ("rings", "unguided", "0.5000 [0.4752, 0.5248]"),
        ("rings", "swg", "0.2000 [0.1752, 0.2248]"),
    )
    # The floor's logarithm has an error of 0.3/sqrt(100) = 0.03. swg on moons: ln 0.8 = -0.2231, 0 and ln 1.2 =
    # 0.1823 beside 2.5 floors, of mean -0.0136 and standard error 0.1173: sqrt(0.1173² + 0.03²) = 0.1210, and
    # 2.466 * exp(± 4.303 * 0.1210) = 1.46 and 4.15. Over both sets the seeds' means are -0.1372, 0 and 0.1156,
    # of standard error 0.0731, beside the floors' 0.03/sqrt(2): 4.964 * exp(± 4.303 * 0.0761) = 3.58 and 6.89.
    assert tabulate_multiples(analysis).rows == (
        ("geometric mean", "unguided", "25.0 [22.5, 27.7]"),
        ("geometric mean", "swg", "5.0 [3.6, 6.9]"),
        ("moons", "unguided", "25.0 [21.8, 28.7]"),
        ("moons", "swg", "2.5 [1.5, 4.2]"),
        ("rings", "unguided", "25.0 [21.8, 28.7]"),
        ("rings", "swg", "10.0 [8.4, 12.0]"),
    )
    assert [row[2] for row in tabulate_shares(analysis).rows] == ["1.000", "0.100", "1.000", "0.400"]


def test_a_floor_of_zero_gives_no_multiple(folder):
    for seed in (0, 1):
        folder.add(density("moons", "swg", seed, {0.0: 0.5}, floor=0.0))
        folder.add(density("rings", "swg", seed, {0.0: 0.5}, floor=0.25))
    analysis = analyse_densities(load_scores(folder.path)[0], None)
    assert [row[2] for row in tabulate_multiples(analysis).rows] == ["–", "–", "2.0"]


def test_markdown_columns_align():
    text = format_markdown_table(Table(("task", "swg"), (("a|b", "1.0"), ("longer", "10.0"))))
    assert text.splitlines() == [
        "| task   |  swg |",
        "| ------ | ---: |",
        "| a\\|b   |  1.0 |",
        "| longer | 10.0 |",
    ]


def test_a_wide_table_comes_in_pieces_that_hold_every_column():
    header = ("task", *(f"variant {n}" for n in range(10)))
    rows = tuple((f"task {r}", *(f"{r}.{n}" for n in range(10))) for r in range(3))
    assert split_table(Table(header, rows), width=200) == [Table(header, rows)]
    pieces = split_table(Table(header, rows), width=50)
    assert [len(piece.header) for piece in pieces] == [4, 4, 4, 2]  # 9 for the task, 12 for each variant
    assert all(piece.header[0] == "task" for piece in pieces)
    assert [name for piece in pieces for name in piece.header[1:]] == list(header[1:])
    assert pieces[-1].rows[2] == ("task 2", "2.9")
    assert all(len(line) <= 50 + 1 for piece in pieces for line in format_markdown_table(piece).splitlines())


def test_html_is_escaped():
    assert format_inline("`a<b` & **c**") == "<code>a&lt;b</code> &amp; <strong>c</strong>"


def judged(success):
    return [{"return": 1.0, "length": 1, "seed": 0, "normalized": 1.0, "success": each} for each in success]


def test_success_rates_are_shares_of_all_episodes_and_need_every_one_to_be_judged(folder):
    for seed, success in enumerate(([True, False], [True, True], [False, False])):
        folder.add(control("a", "swg", seed, 1.0, episodes=judged(success)))
        folder.add(control("a", "unguided", seed, 1.0, episodes=judged([False, False])))
    (scores,) = load_scores(folder.path)
    table = tabulate_success(scores)
    assert table is not None
    assert table.header == ("task", "unguided", "swg")
    assert table.rows == (("a", "0.00 (0 of 6)", "0.50 (3 of 6)"),)
    folder.add(control("a", "swg", 1, 1.0, episodes=judged([True, None])))
    (scores,) = load_scores(folder.path)
    assert tabulate_success(scores) is None
