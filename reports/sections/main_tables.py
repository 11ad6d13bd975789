"""The main tables of a report: scores, pairs and aggregates, which have files of their own."""

from collections.abc import Sequence

from reports.analysis.suite import Analysis, ControlAnalysis, Options
from reports.render.document import Table
from reports.render.pair_tables import tabulate_overall_pairs
from reports.render.tables import find_bold, tabulate_means, tabulate_multiples, tabulate_scores


def list_main_tables(analyses: Sequence[Analysis], options: Options) -> list[Table]:
    """The tables of every suite, whole: of densities the multiples of the noise floor are its scores."""
    tables = []
    for analysis in analyses:
        if isinstance(analysis, ControlAnalysis):
            tables += [
                tabulate_scores(analysis.scores, find_bold(analysis, options.bold)),
                tabulate_means(analysis),
            ]
        else:
            tables.append(tabulate_multiples(analysis))
        if analysis.pairs is not None and analysis.pairs.overall:
            tables.append(tabulate_overall_pairs(analysis, analysis.pairs))
    return tables
