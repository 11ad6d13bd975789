"""The promises about the repository's shape, read from its files."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from methods import Trained

ROOT = Path(__file__).parents[1]
ARROWS = {
    "bench": {"methods", "critics", "training", "suites", "reports", "foundation"},
    "methods": {"critics", "training", "foundation"},
    "critics": {"training", "foundation"},
    "training": {"foundation"},
    "suites": {"foundation"},
    "reports": {"foundation"},
    "foundation": set(),
}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LONGEST_FILE = 400
UNLOCKED = {"docs", "policies", "calibration"}  # extras that only `make docs` and scripts run by hand need


def imports_of(source: str) -> set[str]:
    """Top-level names of all absolute imports, those by a literal `import_module` among them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return {name.split(".")[0] for name in found}


def sources(folder: str) -> dict[Path, str]:
    return {path: path.read_text() for path in sorted((ROOT / folder).rglob("*.py"))}


def test_every_form_of_import_is_seen():
    source = """
import methods.core.registry as r, json
if r:
    from critics.losses import expectile
    from . import sibling
def later():
    importlib.import_module("reports.report")
    import torch
"""
    assert imports_of(source) == {"methods", "json", "critics", "reports", "torch"}


@pytest.mark.parametrize("package", ARROWS)
def test_packages_import_along_the_arrows_only(package):
    files = sources(package)
    assert files
    against = {
        str(path.relative_to(ROOT)): sorted(crossing)
        for path, source in files.items()
        if (crossing := imports_of(source) & (ARROWS.keys() - ARROWS[package] - {package}))
    }
    assert not against


@pytest.mark.parametrize("package", ["reports", "suites", "foundation"])
def test_what_needs_no_torch_names_it_nowhere(package):
    assert [path.name for path, source in sources(package).items() if "torch" in imports_of(source)] == []


def test_reports_run_without_torch():
    program = """
import pkgutil, sys, importlib, reports
for module in pkgutil.walk_packages(reports.__path__, "reports."):
    importlib.import_module(module.name)
assert "reports.report" in sys.modules
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "torch was imported"


def test_no_file_is_too_long():
    lengths = {
        str(path.relative_to(ROOT)): source.count("\n")
        for folder in (*ARROWS, "tests", "studies")
        for path, source in sources(folder).items()
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


METHOD_FILES = {path.stem: path.read_text() for path in sorted((ROOT / "methods").glob("[!_]*.py"))}


def project_imports(source: str) -> dict[str, set[str]]:
    """Each module of the project that a method file imports from, with the names; a module as a whole has none."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.setdefault(module, set()).update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update({alias.name: set() for alias in node.names})
    return {module: names for module, names in found.items() if module.split(".")[0] in {"", *ARROWS}}


def trains_a_network(stem: str) -> bool:
    """Whether a class of the file derives from `Trained`."""
    module = importlib.import_module(f"methods.{stem}")
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    return any(isinstance(value, type) and issubclass(value, Trained) for value in own)


@pytest.mark.parametrize("stem", METHOD_FILES)
def test_a_method_file_registers_the_method_of_its_name(stem):
    registered = re.findall(r'^@register\("(.+)"\)$', METHOD_FILES[stem], re.MULTILINE)
    assert registered == [stem.replace("_", "-")]


@pytest.mark.parametrize("stem", METHOD_FILES)
def test_a_method_file_imports_from_methods_and_other_method_files_alone(stem):
    imported = project_imports(METHOD_FILES[stem])
    assert set(imported) <= {"methods", *(f"methods.{other}" for other in METHOD_FILES)}
    names = [name for names in imported.values() for name in names]
    assert all(imported.values()), "only `from methods import ...`, so that the names can be counted"
    assert len(names) <= (18 if trains_a_network(stem) else 16)


def test_no_file_imports_a_star():
    stars = [
        str(path.relative_to(ROOT))
        for folder in (*ARROWS, "tests", "studies")
        for path, source in sources(folder).items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


def test_pyproject_lists_every_package():
    folders = {path.parent.relative_to(ROOT) for package in ARROWS for path in sources(package)}
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)
    for name in listed:
        assert (ROOT / name.replace(".", "/") / "__init__.py").is_file(), name


def test_the_distribution_cannot_be_uploaded():
    assert "Private :: Do Not Upload" in PYPROJECT["project"]["classifiers"]


def test_the_lock_is_exact_and_within_the_declared_ranges():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line) for line in lines if line[:1] != "#"]
    assert pins
    assert None not in pins
    versions = {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}
    project = PYPROJECT["project"]
    groups = (
        project["dependencies"],
        *(lines for name, lines in project["optional-dependencies"].items() if name not in UNLOCKED),
        PYPROJECT["build-system"]["requires"],
    )
    for requirement in (Requirement(line) for group in groups for line in group):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not in requirements.lock"
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"


def test_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PYPROJECT["project"]["version"]
    assert citation["license"] == PYPROJECT["project"]["license"]


def test_contributing_names_targets_that_exist():
    targets = set(re.findall(r"^([a-z.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z.-]+)", (ROOT / "CONTRIBUTING.md").read_text())) <= targets


def test_commit_hooks_and_the_gate_run_the_same_checks():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = [hook["entry"] for repo in hooks for hook in repo["hooks"]]
    assert all(hook["language"] == "system" for repo in hooks for hook in repo["hooks"])
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert entries == recipe[1].replace("\t", "").splitlines()
    gate = (ROOT / ".ci" / "run").read_text()
    for target in ("test", "check", "smoke"):
        assert f"\nmake {target}\n" in gate
