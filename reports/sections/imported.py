"""What a report says of networks that were trained elsewhere and imported: a warning, a note on terms, files."""

from collections.abc import Iterable, Mapping

from reports.load.component_schema import ComponentRecord
from reports.load.scores import SuiteScores
from reports.load.variants import list_imports, quote_variants
from reports.render.document import Block, Heading, Table, Text, name_table


def warn_of_imports(scores: SuiteScores) -> list[str]:
    """A sentence on the variants of a suite with imported networks; none where there are none."""
    found = _find_variants(scores)
    if not found:
        return []
    named = {f"{setting.partition('.')[0]} {name!r}" for each in found.values() for setting, name in each.items()}
    are, who = ("is", "is") if len(found) == 1 else ("are", "are")
    return [
        f"{_quote(found)} {are} evaluated with networks that were trained elsewhere and imported "
        f"({', '.join(sorted(named))}): their data, settings, steps and whether they were chosen among several "
        f"{who} not known here, so a difference from networks trained here is not one on equal terms."
    ]


def describe_import_terms(scores: SuiteScores) -> list[str]:
    """That settings and data say nothing of how imported networks were trained; nothing where there are none."""
    found = _find_variants(scores)
    if not found:
        return []
    return [
        f"Of the networks of {_quote(found)} that were imported, the settings of training and the data here say "
        "nothing: they were trained elsewhere, and are not on equal terms with those trained here."
    ]


def make_import_blocks(records: Iterable[ComponentRecord]) -> list[Block]:
    """The files of every imported component; nothing where there is none."""
    rows = tuple(
        (record.kind, record.label.rpartition("-")[2], str(record.seed), each.name, each.layout, part, digest)
        for record in sorted(records, key=lambda record: (record.label, record.seed))
        if (each := record.imported) is not None
        for part, digest in each.files.items()
    )
    if not rows:
        return []
    said = (
        "Not trained here: `import-checkpoint` read these files and put their parameters under the name in the "
        "settings `denoiser.imported` and `critic.imported`."
    )
    header = ("component", "key", "seed", "import", "layout", "file of", "SHA-256 of the file")
    table = name_table(Table(header, rows, words=7), "provenance", "imports")
    return [Heading(3, "Imported networks"), Text(said), table]


def _find_variants(scores: SuiteScores) -> dict[str, Mapping[str, str]]:
    """Each variant with an imported network to the settings that say so."""
    found: dict[str, Mapping[str, str]] = {}
    for variant in scores.variants:
        results = [result for task in scores.tasks for result in scores.of(task, variant)]
        settings = {name: value for result in results for name, value in list_imports(result).items()}
        found |= {variant: settings} if settings else {}
    return found


def _quote(variants: Iterable[str]) -> str:
    *others, last = quote_variants(variants)
    return f"{', '.join(others)} and {last}" if others else last
