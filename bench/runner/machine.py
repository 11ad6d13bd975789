"""The machine that something is computed on, as results and components describe it."""

import os
import platform
from pathlib import Path

import torch

from reports.load.schema import Machine


def describe_machine(device: torch.device) -> Machine:
    """The device's kind, its name and the number of cores."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else read_processor()
    return Machine(device=device.type, processor=name, cores=os.cpu_count())


def read_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, with family and model where the system tells them: clouds give several one name."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    # The lines of every core follow one another; a dict keeps the last, and all cores are of one kind.
    about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = about.get("model name") or platform.processor() or platform.machine()
    labels = {"cpu family": "family", "model": "model"}
    numbers = [f"{label} {about[key]}" for key, label in labels.items() if key in about]
    return f"{name} ({', '.join(numbers)})" if numbers else name
