"""Where the results come from: commands, data, processors, components, methods, departures, settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from foundation.program import program_name
from reports.analysis.components import Part, group_parts
from reports.load.component_schema import ComponentRecord, PeakMemory
from reports.load.method_schema import MethodRecord
from reports.load.origins import CommandHistory
from reports.load.schema import Cell, Machine
from reports.load.scores import SuiteScores
from reports.load.variants import format_setting
from reports.render.document import Block, Details, Heading, Table, Text, name_table
from reports.render.numbers import count_noun
from reports.sections.imported import make_import_blocks
from reports.sections.method_facts import make_fact_blocks

_NAME = "provenance"  # in the names of the tables
_SHOWN_MISSING = 5
_MEMORY = {"process": "resident in its process", "device": "of tensors on the GPU"}


@dataclass(frozen=True)
class Origins:
    """What a results folder says of where its results come from.

    Attributes:
        parts: of each suite, in the order of the suites.
        commands: that wrote into the folder.
        methods: name to its record; None where there is none.
    """

    parts: Mapping[str, Sequence[Part]]
    commands: CommandHistory
    methods: Mapping[str, MethodRecord | None]


def make_provenance_section(suites: Sequence[SuiteScores], origins: Origins) -> list[Block]:
    """The section, of all suites of a report together.

    Args:
        suites: in the report's order.
        origins: what the folder says.
    """
    results = [result for scores in suites for result in _list_results(scores)]
    return [
        Heading(2, "Provenance"),
        *_make_command_blocks(results, origins.commands),
        Heading(3, "Data sets"),
        name_table(_tabulate_data(results), _NAME, "data"),
        *_make_processor_blocks(results, origins),
        *_make_component_blocks(suites, origins),
        *make_import_blocks(_list_records(origins)),
        *make_fact_blocks(suites, origins.methods, origins.parts, _NAME),
        *_make_departure_blocks(origins.methods),
        *_make_setting_blocks(suites),
    ]


def _list_results(scores: SuiteScores) -> list[Cell]:
    return list(scores.list_all())


def _make_command_blocks(results: Sequence[Cell], history: CommandHistory) -> list[Block]:
    """The commands that repeat the results, and how many results are older than the first that is known."""
    commands, aside = history.commands, history.aside
    kept = f" A damaged record is kept aside: {', '.join(f'`{name}`' for name in aside)}." if aside else ""
    if history.fault is not None:
        said = f"**The record of commands is damaged.** {history.fault[0].upper()}{history.fault[1:]}"
        return [Heading(3, "Commands"), Text(f"{said}{kept}")]
    if not commands:
        said = "This folder has no record of the commands that wrote into it."
        return [Heading(3, "Commands"), Text(f"{said}{kept}")]
    rows = tuple((each.created, each.version or "–", f"`{program_name()} {each.command}`") for each in commands)
    older = sum(result.created < commands[0].created for result in results)
    said = (
        f"{older} of {len(results)} results are older than the first of them, and their commands are not known."
        if older
        else "No result is older than the first of them."
    )
    about = (
        "All commands that wrote into this folder, with the options that differ from their defaults; called in "
        f"this order into a new folder they repeat what was run. {said}{kept}"
    )
    table = Table(("first called", "version", "command"), rows, words=3)
    return [Heading(3, "Commands"), Text(about), name_table(table, _NAME, "commands")]


def _tabulate_data(results: Iterable[Cell]) -> Table:
    """A row for each data set of a task: where each seed has its own, one for each."""
    rows: dict[tuple[str, ...], None] = {}
    for result in results:
        data = result.data
        row = (result.task, data.source, data.name, data.version or "–", data.reward_transform, data.fingerprint)
        rows[(*row, f"{data.transitions:,}")] = None
    header = ("task", "source", "data set", "version", "rewards", "fingerprint (SHA-256)", "transitions")
    return Table(header, tuple(rows), words=6)


def _make_processor_blocks(results: Sequence[Cell], origins: Origins) -> list[Block]:
    """On what was trained and evaluated, each with how many, and the versions of the packages."""
    trained = [describe_machine(record.machine) for record in _list_records(origins)]
    evaluated = [describe_machine(result.machine) for result in results]
    rows = [("training", name, f"{count} of {len(trained)} seeds") for name, count in _count(trained)]
    rows += [("evaluation", name, f"{count} of {len(evaluated)} results") for name, count in _count(evaluated)]
    table = Table(("of", "processor", "how many"), tuple(rows), words=3)
    found: dict[str, set[str]] = {}
    for result in results:
        for package, version in result.versions.items():
            found.setdefault(package, set()).add(version)
    versions = "; ".join(f"{package} {' or '.join(sorted(each))}" for package, each in found.items())
    said = Text(f"Versions in evaluation: {versions}.")
    return [Heading(3, "Processors and versions"), name_table(table, _NAME, "processors"), said]


def describe_machine(machine: Machine | None) -> str:
    """`AMD EPYC (family 25, model 1), 2 cores`; with `cuda` of a GPU."""
    if machine is None:
        return "not recorded"
    cores = "" if machine.cores is None else f", {count_noun(machine.cores, 'core')}"
    return f"{machine.processor}{cores}" if machine.device == "cpu" else f"{machine.processor} ({machine.device})"


def _list_records(origins: Origins) -> list[ComponentRecord]:
    """Every record once, also of a component that several tasks use."""
    found = {
        (part.label, part.seed): part.record
        for parts in origins.parts.values()
        for part in parts
        if part.record is not None
    }
    return list(found.values())


def _count(names: Sequence[str]) -> list[tuple[str, int]]:
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _make_component_blocks(suites: Sequence[SuiteScores], origins: Origins) -> list[Block]:
    """Seconds and memory of every component, and which have no record."""
    heading = Heading(3, "Components")
    records = _list_records(origins)
    if not records:
        return [heading, Text(f"This folder has no record of how its components were made. {_suggest_records()}")]
    missing = [part for parts in origins.parts.values() for part in parts if part.record is None]
    kinds = sorted({record.peak_memory.of for record in records if record.peak_memory is not None})
    labels = {record.label for record in records}
    about = (
        f"{count_noun(len(records), 'seed')} of {count_noun(len(labels), 'component')} are recorded. "
        f"{_describe_seconds(records)} Peak memory is the most while all seeds of a loop were made, in brackets "
        f"the same when it began{''.join(f'; {kind}: {_MEMORY[kind]}' for kind in kinds)}; a dash where it is not "
        "known."
    )
    table = name_table(_tabulate_components(suites, origins), _NAME, "components")
    folded = Details(f"How each component was made ({len(table.rows)})", (table,))
    return [heading, Text(about), *_describe_missing(missing), folded if len(table.rows) > 12 else table]


def _describe_seconds(records: Sequence[ComponentRecord]) -> str:
    """What making the components took, and of how many of their seeds that is known."""
    known = [record.seconds for record in records if record.seconds is not None]
    if not known:
        return "How long they took is not recorded."
    whose = "them" if len(known) == len(records) else f"the {len(known)} whose seconds are recorded"
    return (
        f"To make {whose} took {_format_seconds(sum(known))} of wall time, each counted once. Seconds are one "
        "seed's share of the loop that made it with others."
    )


def _suggest_records() -> str:
    return f"The same `{program_name()} run` again adds what the artifacts still have, and trains nothing."


def _describe_missing(missing: Sequence[Part]) -> list[Block]:
    if not missing:
        return []
    names = [f"{part.label}, seed {part.seed}" for part in missing]
    more = f" and {len(names) - _SHOWN_MISSING} more" if len(names) > _SHOWN_MISSING else ""
    listed = f"{'; '.join(names[:_SHOWN_MISSING])}{more}"
    return [Text(f"No record of how a component was made: {listed}. {_suggest_records()}", warning=True)]


def _tabulate_components(suites: Sequence[SuiteScores], origins: Origins) -> Table:
    """A row for each component of a task, its seeds together."""
    rows = []
    for scores in suites:
        parts = origins.parts.get(scores.suite, ())
        for kind, task in dict.fromkeys((part.kind, part.task) for part in parts):
            own = [part for part in parts if (part.kind, part.task) == (kind, task)]
            for users, of_group in group_parts(own).items():
                rows.append((kind, scores.label_task(task), users, *_describe_group(of_group)))
    header = (
        "component", "task", "used by", "key", "processor", "seeds", "made together", "steps", "parameters",
        "s per seed", "peak MiB",
    )  # fmt: skip
    return Table(header, tuple(rows), words=5)


def _describe_group(parts: Sequence[Part]) -> tuple[str, ...]:
    """Key, processor, seeds, loops, steps, parameters, seconds and memory of the seeds of a component."""
    records = [part.record for part in parts if part.record is not None]
    keys = list(dict.fromkeys(part.label.rpartition("-")[2] for part in parts))
    machines = [describe_machine(record.machine) for record in records]
    failed = sum(record.failure is not None for record in records)
    lacking = len(parts) - len(records)
    seeds = f"{len(parts)}{f', {failed} failed' if failed else ''}{f', {lacking} not recorded' if lacking else ''}"
    return (
        keys[0] if len(keys) == 1 else f"{len(keys)}, one for each data set",
        " or ".join(name for name, _ in _count(machines)) or "–",
        seeds,
        _format_range([float(len(r.made_with)) for r in records if r.made_with is not None], "{:.0f}"),
        _format_range([float(r.steps) for r in records if r.steps is not None], "{:,.0f}"),
        _format_range([float(r.parameters) for r in records if r.parameters is not None], "{:,.0f}"),
        _format_range([r.seconds for r in records if r.seconds is not None], "{:,.1f}"),
        _format_peaks([record.peak_memory for record in records if record.peak_memory is not None]),
    )


def _format_peaks(peaks: Sequence[PeakMemory]) -> str:
    """`512 (300) process`, the greatest of each kind of memory; a dash where none is known."""
    found = dict[str, tuple[float, float]]()
    for peak in peaks:
        own = peak.mebibytes, peak.before
        found[peak.of] = max(own, found.get(peak.of, own))
    return "; ".join(f"{most:,.0f} ({before:,.0f}) {of}" for of, (most, before) in sorted(found.items())) or "–"


def _format_range(values: Sequence[float], form: str) -> str:
    """One number, or the least and the greatest; a dash where none is known."""
    if not values:
        return "–"
    low, high = (form.format(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _format_seconds(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds / 60:,.1f} min"


def _make_departure_blocks(methods: Mapping[str, MethodRecord | None]) -> list[Block]:
    """What the code of the methods departs from, by the record of the last run."""
    known = {name: record for name, record in methods.items() if record is not None}
    lacking = [name for name in methods if name not in known]
    blocks: list[Block] = [Heading(3, "Departures from the papers")]
    if lacking:
        listed = ", ".join(f"`{name}`" for name in lacking)
        blocks.append(Text(f"Not recorded of {listed}: this folder has no record of how their code departs."))
    if not known:
        return blocks
    unread = [name for name, record in known.items() if record.departures is None]
    rows: dict[tuple[bool, str, str], list[str]] = {}
    for name, record in known.items():
        for each in record.departures or ():
            rows.setdefault((each.own, each.file, each.text), []).append(name)
    count = sum(len(record.departures or ()) > 0 for record in known.values())
    newest = max(record.created for record in known.values())
    said = (
        f"What the code says of itself, as of the last run into this folder ({newest}): where it departs from the "
        f"paper of a method, in files of methods and in files that several share. Of {len(known)} methods "
        f"{count} depart in something."
    )
    said += f" The source of {', '.join(unread)} could not be read." if unread else ""
    papers = "; ".join(f"`{name}`: {record.paper}" for name, record in known.items())
    ordered = sorted(rows.items(), key=lambda item: not item[0][0])
    lines = tuple((", ".join(names), file, text) for (_, file, text), names in ordered)
    table = name_table(Table(("methods", "file", "what departs, and why"), lines, words=3), _NAME, "departures")
    folded = (Details(f"Departures ({len(lines)})", (table,)),) if lines else ()
    return [*blocks, Text(said), Text(f"Papers: {papers}."), *folded]


def _make_setting_blocks(suites: Sequence[SuiteScores]) -> list[Block]:
    """The settings of each method's own; those that all share are in the section of each suite."""
    rows: list[tuple[str, ...]] = []
    for scores in suites:
        for variant in scores.variants:
            rows += [(scores.suite, variant, *row) for row in _list_own_settings(scores, variant)]
    if not rows:
        return []
    table = name_table(Table(("suite", "variant", "setting", "value"), tuple(rows), words=4), _NAME, "settings")
    said = "Of each method's own; those that methods share are in the section Settings of each suite."
    return [Heading(3, "Settings of the methods"), Text(said), Details(f"Own settings ({len(rows)})", (table,))]


def _list_own_settings(scores: SuiteScores, variant: str) -> list[tuple[str, str]]:
    """Name and value of each, with the tasks where they differ; ρ first."""
    head = f"{scores.method(variant)}."
    found: dict[str, dict[str, list[str]]] = {}
    for task in scores.tasks:
        for result in scores.of(task, variant):
            own = {"rho": "none" if result.rho is None else f"{result.rho:g}"}
            own |= {name: format_setting(value) for name, value in result.config.items() if name.startswith(head)}
            for name, value in own.items():
                tasks = found.setdefault(name, {}).setdefault(value, [])
                tasks += [] if task in tasks else [task]
    return [(name, _join_values(values)) for name, values in found.items()]


def _join_values(values: Mapping[str, Sequence[str]]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({', '.join(tasks)})" for value, tasks in values.items())
