"""A table with groups, as a leaderboard has."""

from reports.render.document import Table


def make_grouped_table(hostile: str) -> Table:
    """Two groups of rows, each row with a suite, a processor and a link.

    Args:
        hostile: a text that does harm where it is taken for markup.
    """
    rows = (("swg", "1.5"), ("cep", "9.5"), ("idql", "4.0"), ("swg", "-2.0"), ("cep", "3.0"))
    return Table(
        ("variant", "score"),
        rows,
        name="grouped-table",
        links={(number, 0): f"runs/{number}/index.html" for number in range(5)},
        groups={0: f"first {hostile}", 3: "second"},
        facets={"suite": ("maze2d",) * 5, "processor": ("a", hostile, "a", "a", hostile)},
    )
