"""The pages that are generated from the code, and what the written ones say of files, fields and each other."""

import html
import importlib.util
import re
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from markdown import markdown
from pydantic import BaseModel

import reports.load.component_schema as component_schema
import reports.load.frozen_plan as frozen_plan
import reports.load.looks as looks
import reports.load.merged_schema as merged_schema
import reports.load.method_schema as method_schema
import reports.load.renders as renders
import reports.load.schema as schema
import reports.load.timing_schema as timing_schema
import reports.load.tuning_schema as tuning_schema
from bench.config.spec import Config, flatten
from methods.core import registry

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
WRITTEN = {str(path.relative_to(ROOT)): path.read_text() for path in [README, *sorted(DOCS.rglob("*.md"))]}
LONGEST_README = 160
PLAIN = '''
"""Plain: actions of μ(a | s), with `nothing` [added].

    L = E‖ε - ε_θ(a_k)‖²        (eq. 1)

Deviation: a|b is not *c*.
"""

from dataclasses import dataclass
from typing import ClassVar

from methods import Count, SlotMethod, register


@register("plain-copy")
@dataclass(frozen=True)
class Plain(SlotMethod):
    """Objective: behaviour. Guidance: none. Selection: the first draw of a_0.

    Attributes:
        draws: how many, N <= 3.
    """

    title: ClassVar[str] = "Plain"
    paper: ClassVar[str] = "none"
    draws: Count = 2
'''


def load_file(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


HOOKS = load_file("docs_hooks", DOCS / "hooks.py")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The generated pages by their path from the repository's root, where they are not kept."""
    return {f"docs/{path}": text for path, text in HOOKS.make_pages().items()}


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def render(page: str) -> str:
    """What a reader sees of a page of Markdown."""
    shown = markdown(page, extensions=["tables", "fenced_code"])
    return squeeze(html.unescape(re.sub(r"<[^>]+>", "", shown)))


def links_of(text: str) -> list[str]:
    """The targets of all links and pictures outside code."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, by the rule that MkDocs and GitHub share for plain ones."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def find_broken(every: dict[str, str], folder_has: Any) -> list[str]:
    """`page: target` for each relative link that leads nowhere."""
    broken = []
    for page, text in every.items():
        for target in links_of(text):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            path = str((ROOT / page).parent.joinpath(file).resolve().relative_to(ROOT)) if file else page
            if (path not in every and not folder_has(path)) or (
                anchor and anchor not in anchors_of(every.get(path, ""))
            ):
                broken.append(f"{page}: {target}")
    return broken


def test_every_link_leads_to_a_page_and_a_heading(pages):
    assert find_broken(WRITTEN | pages, lambda path: (ROOT / path).is_file()) == []


def test_a_broken_link_or_anchor_is_found():
    every = {
        "docs/a.md": "# One\n[b](b.md#two-three) [b](b.md#four) [c](c.md) `[d](d.md)`",
        "docs/b.md": "## Two three",
    }
    assert find_broken(every, lambda path: False) == ["docs/a.md: b.md#four", "docs/a.md: c.md"]


def test_readme_links_to_no_page_that_only_the_site_has(pages):
    targets = {
        str((ROOT / target.partition("#")[0]).resolve().relative_to(ROOT))
        for target in links_of(WRITTEN["README.md"])
        if ":" not in target
    }
    assert targets
    assert not targets & pages.keys()


def test_readme_is_short():
    assert WRITTEN["README.md"].count("\n") <= LONGEST_README


def test_the_navigation_has_every_page_once(pages):
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())

    class Read:
        nav = config["nav"]

    def files_in(item: Any) -> list[str]:
        inner = item.values() if isinstance(item, dict) else item
        return [item] if isinstance(item, str) else [file for each in inner for file in files_in(each)]

    expected = {path.removeprefix("docs/") for path in {*WRITTEN, *pages} if path != "README.md"}
    assert sorted(files_in(HOOKS.on_config(Read).nav)) == sorted(expected)


def test_nothing_that_is_generated_is_kept(pages):
    assert not pages.keys() & WRITTEN.keys()


@pytest.mark.parametrize("name", registry.method_names())
def test_a_methods_page_has_its_definition_settings_and_deviations(name, pages):
    cls = registry.get_method(name)
    page = pages[f"docs/methods/{name}.md"]
    shown = render(page)
    file = ROOT / f"{cls.__module__.replace('.', '/')}.py"
    docstring = file.read_text().split('"""')[1]
    definition = [part for part in docstring.split("\n\n") if not part.strip().startswith("Deviation:")]
    for line in (line for part in definition for line in part.splitlines()):
        assert squeeze(line.replace("`", "")) in shown
    assert page.count(f"- `methods/{file.name}`: ") == file.read_text().count("Deviation:")
    law = re.search(
        r"^    ((?:Exact|Not exact|No given law): .+?)\n\s*(?:\n|\"\"\")",
        file.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert law is not None
    assert squeeze(law[1]) in shown
    assert re.search(r"^\| parameters of all that acts \| [\d,]+ \| [\d,]+ \|$", page, re.MULTILINE)
    own = flatten(cls(), name)
    assert all(f"`--{setting.replace('_', '-')}`" in page for setting in own)
    for source in cls.presets.values():
        for setting, value in source.items():
            assert re.search(rf"^\| `{re.escape(setting)}` \|.*", page, re.MULTILINE)
            assert squeeze(value.source.replace("`", "")) in shown


def test_the_table_of_methods_has_slots_law_and_cost_of_each(pages):
    page = pages["docs/methods/index.md"]
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert len(rows) == 2 * len(registry.method_names())
    swg, cost = [line for line in rows if line.startswith("| [swg](")]
    said = ["joint (a, w)", "∇ log of the predicted weight", "the first draw", "exact", "yes"]
    assert [cell.strip() for cell in swg.strip("| ").split(" | ")][2:] == said
    # K = 15 of one candidate; critic and joint denoiser as in tests/bench/test_bench_method_sizes.py
    made = ["critic, joint", "–", "the denoiser", "2,022,471", "1,813,572", "15", "15", "0", "1"]
    assert [cell.strip() for cell in cost.strip("| ").split(" | ")][1:] == made


def test_a_new_file_gets_a_page_without_another_edit(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    file = tmp_path / "plain_copy.py"
    file.write_text(PLAIN.lstrip())
    monkeypatch.setitem(sys.modules, "plain_copy", load_file("plain_copy", file))
    made = HOOKS.make_pages()
    assert "[plain-copy](plain-copy.md)" in made["methods/index.md"]
    page = made["methods/plain-copy.md"]
    shown = render(page)
    assert "Plain: actions of μ(a | s), with nothing [added]." in shown
    assert "```text\nL = E‖ε - ε_θ(a_k)‖²        (eq. 1)\n```" in page
    assert "plain_copy.py: a|b is not *c*." in shown
    assert "Selection: the first draw of a_0" in shown
    assert "--plain-copy.draws 2 a whole number, at least 1 how many, N <= 3." in squeeze(shown)


def read_default(text: str) -> Any:
    """A default as the page writes it."""
    words = {"`None`": None, "yes": True, "no": False}
    if text in words:
        return words[text]
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def test_the_settings_page_has_every_shared_setting_with_its_default_and_a_text(pages):
    lines = re.findall(r"^\| `--.*$", pages["docs/settings-reference.md"], re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    names = [row[0].strip("`- ").replace("-", "_").replace("data_set.", "data.") for row in rows]
    assert {name: read_default(row[1]) for name, row in zip(names, rows, strict=True)} == flatten(Config())
    assert all(len(row) == 4 and all(row) for row in rows)


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [
        ("--critic.steps", "a whole number, at least 1"),
        ("--critic.expectile", "a finite number, above 0 and below 1"),
        ("--denoiser.ema", "a finite number, above 0 and at most 1 or None"),
        ("--denoiser.network", "residual, u-shaped, mlp"),
        ("--critic.value-layer-norm", "yes or no"),
    ],
)
def test_the_settings_page_says_what_a_setting_may_be(flag, allowed, pages):
    (row,) = re.findall(rf"^\| `{re.escape(flag)}` \|.*$", pages["docs/settings-reference.md"], re.MULTILINE)
    assert row.split(" | ")[2] == allowed


def models_of_the_schema() -> dict[str, list[str]]:
    """Class → the names of the fields it adds, as they stand in files."""
    found = {}
    for name, cls in (
        vars(schema)
        | vars(timing_schema)
        | vars(tuning_schema)
        | vars(looks)
        | vars(frozen_plan)
        | vars(merged_schema)
        | vars(method_schema)
        | vars(component_schema)
        | vars(renders)
    ).items():
        written = isinstance(cls, type) and issubclass(cls, schema.Schema)
        written = written and cls not in (schema.Schema, schema.Sealed)  # what files have in common
        if written:
            fields: dict[str, Any] = typing.cast(type[BaseModel], cls).model_fields
            own = [field for field in fields if field in vars(cls).get("__annotations__", {})]
            found[name] = [fields[each].serialization_alias or each for each in own if not fields[each].exclude]
    return found


def test_the_results_page_has_every_field_of_the_schema():
    sections = WRITTEN["docs/results-format.md"].partition("## Fields")[2].split("\n### ")[1:]
    listed = {
        section.splitlines()[0]: re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", section, re.MULTILINE)
        for section in sections
    }
    assert listed == models_of_the_schema()


def test_the_entry_to_cite_is_that_of_the_citation_file():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    entries = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}$", WRITTEN["README.md"], re.DOTALL | re.MULTILINE))
    fields = {
        name: dict(re.findall(r"(\w+) = \{\{?(.*?)\}\}?(?=,|$)", text, re.MULTILINE))
        for name, text in entries.items()
    }
    software, paper = fields.values()
    assert software["title"] == citation["title"]
    assert software["version"] == citation["version"]
    assert software["author"] == citation["authors"][0]["name"]
    swg = citation["references"][0]
    assert paper["title"] == swg["title"]
    assert paper["year"] == str(swg["year"])
    assert f"arXiv:{paper['eprint']}" == swg["identifiers"][0]["value"]
    names = [f"{author['family-names']}, {author['given-names']}" for author in swg["authors"]]
    assert paper["author"] == " and ".join(names)
