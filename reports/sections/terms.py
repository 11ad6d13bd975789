"""Terms say what a comparison held equal: everything but the methods, or each method with its authors' own."""

from reports.load.scores import SuiteScores
from reports.render.document import Text

_MEANING = {
    "shared": "on shared terms: one critic, one network and one sampler for all methods, which differ in nothing "
    "but themselves",
    "own": "on own terms: each method with its authors' critic, network, sampler and training, so that a "
    "difference may come from any of these as well as from the guidance",
}


def terms_text(scores: SuiteScores) -> Text:
    """Which terms the results of a suite were run on, and which variants where there are several."""
    by_terms: dict[str, list[str]] = {}
    for variant in scores.variants:
        for terms in sorted({r.terms for task in scores.tasks for r in scores.of(task, variant)}):
            by_terms.setdefault(terms, []).append(variant)
    meanings = {terms: _MEANING.get(terms, f"on `{terms}` terms") for terms in by_terms}
    if len(by_terms) == 1:
        return Text(f"These results are {next(iter(meanings.values()))}.")
    parts = [
        f"{', '.join(f'`{name}`' for name in names)} {'is' if len(names) == 1 else 'are'} {meanings[terms]}"
        for terms, names in by_terms.items()
    ]
    return Text(f"Results of different terms stand side by side. {'; '.join(parts)}.")
