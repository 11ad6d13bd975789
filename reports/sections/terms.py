"""The terms section: what the compared variants have in common, checked, and what an action of each costs."""

from collections.abc import Iterable, Mapping, Sequence

from reports.analysis.costs import NFE, count_per_action
from reports.analysis.equal_terms import (
    CONTROLLED,
    KNOWN_CRITIC,
    Terms,
    check_terms,
    find_differing_machines,
    have_one_critic,
    list_critic_kinds,
    list_shared_critics,
)
from reports.load.schema import Result
from reports.load.scores import SuiteScores
from reports.load.variants import name_terms, quote_variants
from reports.render.document import Block, Details, Table, Text, name_table
from reports.sections.imported import describe_import_terms

EQUAL_CANDIDATES = "equal.candidates"
_COST_NOTE = (
    "Of one action in evaluation: the candidates it is selected from; the forward passes of the denoiser and the "
    "gradients that all of them take; NFE, all forward passes plus twice the gradients, those of a guidance's own "
    "network and of an actor among them, which count as much as one of the denoiser, whatever its size. A "
    "critic's passes are not counted. The critic is compared with the settings of it that the "
    "code of the method's authors has, by the method's preset `official`."
)


def make_terms_section(scores: SuiteScores) -> list[Block]:
    """What the variants have in common, and what an action of each costs.

    Raises:
        ReportError: controlled results that are not on equal terms.
    """
    every = check_terms(scores)
    sentences = [sentence for terms in every for sentence in describe_terms(scores, terms)]
    if len(every) > 1:
        sentences.insert(0, "Results on different terms are shown together, each kind checked by itself.")
    cost = Details("Candidates, network evaluations per action, and whose critic", _make_cost_blocks(scores))
    sentences += [*describe_import_terms(scores), *_describe_temperatures(scores), describe_machines(scores)]
    return [Text(" ".join(sentences)), cost]


def _describe_temperatures(scores: SuiteScores) -> list[str]:
    """That the densities were not all scored at the same β, where they were not."""
    found: dict[str, set[tuple[float, ...]]] = {}
    for result in scores.results():
        scored_at = tuple(sorted(density.inverse_temperature for density in result.densities))
        found.setdefault(result.task, set()).add(scored_at)
    if all(len(scored_at) == 1 for scored_at in found.values()):
        return []
    return ["Not all results were scored at the same inverse temperatures; each of these is compared by itself."]


def describe_terms(scores: SuiteScores, terms: Terms) -> list[str]:
    """The sentences on the variants of one kind of terms."""
    kind = name_terms(terms.terms)
    if len(terms.variants) == 1:
        return [f"`{terms.variants[0]}` is the only {kind} variant, so there are no terms to compare."]
    if terms.terms != CONTROLLED:
        return _describe_published(scores, terms, kind)
    parts = list(dict.fromkeys(name.partition(".")[0] for name in terms.names))
    checked = f"{len(terms.names)} shared settings{f' ({_join(parts)})' if parts else ''}"
    episodes = "reset seeds of the episodes" if scores.is_control else "number of samples"
    if len(terms.groups) == 1:
        first = (
            f"Controlled, and checked for each task and seed: {_quote(terms.variants)} have the same data, the "
            f"same {checked} and the same {episodes}."
        )
        return [first, *_describe_equal(terms), *_describe_critics(terms)]
    if len(terms.groups) == len(terms.variants):
        none = f"no two of {_quote(terms.variants)} are on equal terms."
        return [
            f"Controlled, and checked for each task and seed: {none}",
            *_describe_sweeps(terms),
            *_describe_equal(terms),
            *_describe_critics(terms),
        ]
    groups = "; ".join(_quote(group) + (" alone" if len(group) == 1 else "") for group in terms.groups)
    first = (
        f"Controlled, and checked for each task and seed: the same data, the same {checked} and the same "
        f"{episodes} hold within each of these groups and not between them: {groups}."
    )
    return [first, *_describe_sweeps(terms), *_describe_equal(terms), *_describe_critics(terms)]


def _describe_sweeps(terms: Terms) -> list[str]:
    parts = [
        f"`{name}` ({'; '.join(f'{value} for {_quote(who)}' for value, who in found.values.items())}"
        f"{f' on {found.task}, and not so on every task' if found.task is not None else ''})"
        for name, found in terms.differences.items()
    ]
    if not parts:
        return ["They differ in the tasks on which they are controlled."]
    return [f"Between them differ: {', '.join(parts)}; a difference in score may come from these as well."]


def _describe_equal(terms: Terms) -> list[str]:
    """The number of candidates that was set for every method, where one was."""
    found: dict[str, list[str]] = {}
    for variant in terms.variants:
        values = {kept.get(EQUAL_CANDIDATES) for (_, v), kept in terms.settings.items() if v == variant}
        for value in sorted(value for value in values if value not in (None, "null")):
            found.setdefault(value, []).append(variant)
    return [
        f"The number of candidates of {_quote(who)} was set to {value} by `--equal`; a method that otherwise "
        "takes its first draw takes the best by the shared critic's Q there."
        for value, who in found.items()
    ]


def _describe_critics(terms: Terms) -> list[str]:
    """Which of the variants stand on the shared critic; nothing where a result does not say."""
    kinds = list_critic_kinds(terms)
    if kinds is None:
        return []
    others = {v: set(found) - list_shared_critics(terms, v) for v, found in kinds.items()}
    alike = [v for v, found in kinds.items() if found and not others[v]]
    known = all(kinds[v] == (KNOWN_CRITIC,) for v in alike)
    sentences = []
    if known and alike:
        sentences.append(f"{_quote(alike)} {'uses' if len(alike) == 1 else 'use'} the known Q.")
    elif len(alike) == 1:
        sentences.append(f"`{alike[0]}` uses the shared critic.")
    elif alike and have_one_critic(terms, alike):
        sentences.append(f"{_quote(alike)} use one critic for each task and seed.")
    elif alike and len(terms.groups) < len(terms.variants) and _have_one_each(terms, alike):
        sentences.append(f"{_quote(alike)} use one critic within each group for each task and seed.")
    elif alike:
        sentences.append(f"{_quote(alike)} do not all use one critic.")
    without = [v for v, found in kinds.items() if not found]
    if without:
        sentences.append(f"{_quote(without)} {'uses' if len(without) == 1 else 'use'} no critic.")
    sentences += [
        f"`{v}` uses a critic of another kind ({', '.join(found)}), which may make a difference."
        for v, found in kinds.items()
        if others[v]
    ]
    return sentences


def _have_one_each(terms: Terms, variants: Sequence[str]) -> bool:
    """Whether those of the variants that are in one group have one critic, in every group."""
    return all(have_one_critic(terms, [v for v in variants if v in group]) for group in terms.groups)


def _describe_published(scores: SuiteScores, terms: Terms, kind: str) -> list[str]:
    """As published: what differs, by part of the settings."""
    parts: dict[str, list[str]] = {}
    for name in terms.differences:
        head, _, rest = name.partition(".")
        parts.setdefault(head, []).append(rest or head)
    head = f"{kind[0].upper()}{kind[1:]}, each method with its authors' settings: {_quote(terms.variants)}"
    if parts:
        listed = "; ".join(f"{part} ({', '.join(names)})" for part, names in parts.items())
        said = f"differ in {len(terms.differences)} of {len(terms.names)} settings that are shared in a controlled"
        first = f"{head} {said} comparison: {listed}; a difference in score may come from any of these."
    else:
        first = f"{head} have the same {len(terms.names)} settings that are shared in a controlled comparison."
    return [first, _compare_conditions(scores, terms)]


def _compare_conditions(scores: SuiteScores, terms: Terms) -> str:
    """Whether data and episodes are the same, of results that may differ in them."""

    def differs(read) -> bool:
        found: dict[tuple[str, int], set[object]] = {}
        for (task, _), results in terms.results.items():
            for result in results:
                found.setdefault((task, result.seed), set()).add(read(result))
        return any(len(values) > 1 for values in found.values())

    episodes = "reset seeds of the episodes" if scores.is_control else "number of samples"
    unlike = {
        "data": differs(lambda r: (r.data.identity, r.data.name, r.data.reward_transform)),
        episodes: differs(
            lambda r: tuple(e.seed for e in r.episodes) or frozenset(d.samples for d in r.densities)
        ),
    }
    same, other = ([name for name, found in unlike.items() if found is which] for which in (False, True))
    parts = ([f"The {_join(same)} are the same"] if same else []) + (
        [f"the {_join(other)} differ"] if other else []
    )
    sentence = " and ".join(parts) + "."
    return sentence[0].upper() + sentence[1:]


def describe_machines(scores: SuiteScores) -> str:
    """Whether versions, processor and device of the evaluations are the same, and who has which where not."""
    differing = find_differing_machines(scores)
    if not differing:
        (name,) = {r.machine.processor for r in scores.results()}
        return f"All results were evaluated with the same versions, on processors that call themselves {name}."
    parts = [
        f"{name} ({'; '.join(f'{value} for {_name_holders(who)}' for value, who in values.items())})"
        for name, values in differing.items()
    ]
    return f"The results were not all evaluated alike; there differ: {', '.join(parts)}."


def _name_holders(who: Mapping[str, bool]) -> str:
    """The variants that have a value, `part of` those that have it in some results alone."""
    return _join(f"`{variant}`" if whole else f"part of `{variant}`" for variant, whole in who.items())


def _make_cost_blocks(scores: SuiteScores) -> tuple[Block, ...]:
    header = ("variant", "critic", "candidates", "denoiser passes", "other passes", "gradients", "NFE")
    rows = []
    for variant in scores.variants:
        results = [r for task in scores.tasks for r in scores.of(task, variant)]
        cells = [_count_per_action(results, weights) for weights in ((1, 0, 0), (0, 1, 0), (0, 0, 1), NFE)]
        rows.append((variant, _describe_own_critic(results), _format_range(_list_candidates(results)), *cells))
    return Text(_COST_NOTE), name_table(Table(header, tuple(rows), words=2), scores.suite, "evaluations")


def _list_candidates(results: Iterable[Result]) -> list[float]:
    known = [r.evaluations.candidates for r in results]
    return [float(n) for n in known if n is not None] if None not in known else []


def _count_per_action(results: Iterable[Result], weights: tuple[int, int, int]) -> str:
    """The weighted evaluations per action, a range where results differ; `–` where some result stores none."""
    found = [count_per_action(result, weights) for result in results]
    known = [count for count in found if count is not None]
    return _format_range(known) if len(known) == len(found) else "–"


def _format_range(values: Sequence[float]) -> str:
    """One number, or the least and the greatest where results differ; `–` where none is stored."""
    if not values:
        return "–"
    low, high = (f"{value:.1f}".removesuffix(".0") for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _describe_own_critic(results: Iterable[Result]) -> str:
    """Whether the critic is set as in the code of the method's authors, or in what it differs."""
    found = [result.critics for result in results]
    stored = [critics for critics in found if critics is not None]
    if len(stored) < len(found):
        return "not stored"
    if not any(critics.labels for critics in stored):
        return "none"
    if all(label.startswith(KNOWN_CRITIC) for critics in stored for label in critics.labels):
        return "known Q"
    known = [critics.departures for critics in stored if critics.departures is not None]
    if len(known) < len(stored):
        return "its authors' is not known here"
    names = sorted({name.removeprefix("critic.") for departures in known for name in departures})
    return f"not its authors': {', '.join(names)}" if names else "as its authors set it"


def _quote(names: Iterable[str]) -> str:
    return _join(quote_variants(names))


def _join(items: Iterable[str] | Mapping[str, object]) -> str:
    """`a, b and c`."""
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last
