"""Types of options that several commands have, with how their values are named in help."""

from pathlib import Path
from typing import Annotated, TypeAlias

import tyro

from foundation.bounds import Count

Files: TypeAlias = Annotated[tuple[Path, ...], tyro.conf.UseAppendAction]
SELDOM = "shown by --help-all only"
Name: TypeAlias = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Names: TypeAlias = Annotated[str | None, tyro.conf.arg(metavar="NAME,...", help_behavior_hint="")]
Numbers: TypeAlias = Annotated[str | None, tyro.conf.arg(metavar="NUMBER,...", help_behavior_hint="")]
Ranges: TypeAlias = Annotated[str | None, tyro.conf.arg(metavar="NAME=LOW:HIGH,...", help_behavior_hint="")]
Number: TypeAlias = Annotated[Count | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")]
TaskName: TypeAlias = Annotated[str, tyro.conf.arg(metavar="TASK")]
Tasks: TypeAlias = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TASK...")]
File: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
