"""Python, the packages against pyproject.toml, and what torch computes with."""

import platform
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import bench
from bench.doctor.finding import Finding, Subject
from bench.entry import OLDEST, suggest_environment

DISTRIBUTION = "diffusion-guidance-bench"
ROOT = Path(bench.__file__).resolve().parent.parent


def find_python(subject: Subject) -> list[Finding]:
    """The Python that runs."""
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < OLDEST:
        return [Finding("Python", found, "fail", suggest_environment(ROOT))]
    return [Finding("Python", found)]


def find_packages(subject: Subject) -> list[Finding]:
    """The packages that the project needs, against the ranges of pyproject.toml."""
    needed = read_requirements(ROOT)
    if not needed:
        return [Finding("packages", "which are needed cannot be read", "warn", suggest_environment(ROOT))]
    faults: list[str] = []
    for name, bounds in needed.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            faults.append(f"{name} is not installed")
            continue
        if not is_within(installed, bounds):
            faults.append(f"{name} {installed} is not {bounds}")
    if faults:
        return [Finding("packages", "; ".join(faults), "fail", suggest_environment(ROOT))]
    other = find_unlocked(ROOT)
    locked = f"; not as in requirements.lock: {', '.join(other)}" if other else ""
    return [Finding("packages", f"all {len(needed)} in the ranges that the project needs{locked}")]


def read_requirements(root: Path) -> dict[str, str]:
    """Package → its range, such as `>=2.2,<3`, from pyproject.toml, else from the installed distribution."""
    project = root / "pyproject.toml"
    if project.is_file():
        lines = tomllib.loads(project.read_text())["project"]["dependencies"]
    else:
        try:
            lines = [line for line in requires(DISTRIBUTION) or () if "extra ==" not in line]
        except PackageNotFoundError:
            return {}
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)", line) for line in lines)
    return {each[1]: each[2].replace(" ", "") for each in found if each is not None}


def find_unlocked(root: Path) -> list[str]:
    """The packages of pyproject.toml whose installed version is not that of requirements.lock."""
    lock = root / "requirements.lock"
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE)) if lock.is_file() else {}
    pins = {name.lower().replace("_", "-"): pin for name, pin in pins.items()}
    found = {name: pins.get(name.lower().replace("_", "-")) for name in read_requirements(root)}
    return [
        f"{name} {version(name)} ({pin})"
        for name, pin in found.items()
        if pin is not None and version(name).partition("+")[0] != pin.partition("+")[0]
    ]


def is_within(installed: str, bounds: str) -> bool:
    """Whether a version lies in a range of `>=` and `<` with commas between; other words are passed over."""
    found = _read_release(installed)
    for each in filter(None, bounds.split(",")):
        limit = _read_release(each.lstrip("<>="))
        length = max(len(found), len(limit))
        here, there = (numbers + (0,) * (length - len(numbers)) for numbers in (found, limit))
        if (each.startswith(">=") and here < there) or (each.startswith("<") and here >= there):
            return False
    return True


def _read_release(text: str) -> tuple[int, ...]:
    """`2.9.1+cu128` → (2, 9, 1)."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def find_torch(subject: Subject, argument: str) -> list[Finding]:
    """Torch computes a product and its gradient; its CPU units and its GPU."""
    import torch

    weights = torch.ones(8, 8, requires_grad=True)
    (weights @ weights).sum().backward()
    has_bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    libraries = [
        name
        for name, is_there in (
            ("oneDNN", torch.backends.mkldnn.is_available()),
            ("MKL", torch.backends.mkl.is_available()),
        )
        if is_there
    ]
    capability = torch.backends.cpu.get_cpu_capability()
    flags = set(re.findall(r"\b(?:avx512_bf16|amx_bf16)\b", _read_text(Path("/proc/cpuinfo"))))
    bf16 = f"bf16 by {' and '.join(sorted(flags))}" if flags else "no unit for bf16"
    if not has_bf16:
        bf16 = "no bf16 by oneDNN"
    found = [
        Finding("torch", f"{torch.__version__}, {capability}, {' and '.join(libraries) or 'no oneDNN'}, {bf16}")
    ]
    return [*found, *_find_gpus()]


def _find_gpus() -> list[Finding]:
    """Every GPU computes, with its memory; or why there is none."""
    import torch

    driver = re.search(r"(\d+\.\d+(?:\.\d+)?)\s", _read_text(Path("/proc/driver/nvidia/version")))
    if not torch.cuda.is_available():
        if driver is None:
            return [Finding("GPU", "none: everything computes on the CPU")]
        built = f"this torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        remedy = "install a torch that this driver runs, see https://pytorch.org/get-started, or use --device cpu"
        return [Finding("GPU", f"driver {driver[1]} is there, but torch finds no GPU ({built})", "warn", remedy)]
    found: list[Finding] = []
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        numbers = torch.ones(256, 256, device=f"cuda:{number}")
        is_right = bool(((numbers @ numbers) == 256).all())
        said = f"{torch.cuda.get_device_name(number)}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        said += f", driver {driver[1]}" if driver is not None else ""
        said += f", CUDA {torch.version.cuda}"
        remedy = "" if is_right else "use --device cpu, or install another torch or driver"
        found.append(Finding(f"GPU {number}", said, "ok" if is_right else "fail", remedy))
    return found


def _read_text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
