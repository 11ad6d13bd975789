"""The options of each command as frozen dataclasses, whose fields' texts are the help."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from annotated_types import Ge

from bench.cli.option_types import SELDOM, File, Files, Name, Names, Number, Numbers, Ranges, TaskName
from foundation.bounds import Count, Positive


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """Options that say what is compared; the rest of a command's options depend on them."""

    suite: Name = None
    """Task group: toy, maze2d, locomotion, antmaze, kitchen or adroit-pen."""
    tasks: Names = None
    """Tasks of it; all if left out."""
    methods: Names = None
    """Methods; cep, ddice, idql, swg, swg-r and unguided if left out."""
    preset: str = "quick"
    """Training sizes: smoke (seconds), quick (minutes), paper, official (as in the authors' code)."""
    terms: str = "controlled"
    """controlled: one critic, network and sampler for all; as-published: each method with its authors'."""
    plugin: Files = ()
    """A Python file that registers methods or suites of your own."""


@dataclass(frozen=True, kw_only=True)
class PolicyOptions(ComparisonOptions):
    """Options of every command that builds policies."""

    device: Annotated[Literal["auto", "cpu", "cuda"], SELDOM] = "auto"
    """Device for training and evaluation; auto takes a GPU if there is one."""
    threads: Annotated[Number, SELDOM] = None
    """CPU threads of each process; 1 if left out, since more help little with networks of this size."""
    results: Path = Path("results")
    """Folder of the result files."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(PolicyOptions):
    """Options of every command that trains."""

    artifacts: Annotated[Path, SELDOM] = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""
    data: str = "auto"
    """auto (published data that are stored here, else data made here), local, minari, d4rl, d4rl:v0, file:PATH or
    file:NAME; auto downloads nothing."""
    precision: Annotated[Literal["fp32", "bf16"] | None, tyro.conf.arg(help_behavior_hint=""), SELDOM] = None
    """Matrix products in training: sets critic.precision, denoiser.precision and guidance_net.precision; that of
    sampling is a setting by itself, --sampler.precision."""
    logger: Annotated[Literal["none", "tensorboard", "wandb"], SELDOM] = "none"
    """Where learning curves and evaluations are streamed to, in RESULTS/logs; the curves are CSV files anyway."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrainingOptions):
    """Train what is missing and evaluate; finished results are kept."""

    experiment: Name = None
    """Instead of a suite: cells of a published table, as in swg-table3 (`list experiments`)."""
    protocol: Name = None
    """fair: 10 seeds, 50 episodes, every method tuned with 12 trials by `tune --protocol fair`."""
    seeds: Annotated[str | None, tyro.conf.arg(metavar="STR", help_behavior_hint="(3, or the protocol's)")] = None
    """A count (5 means 0 to 4), a list such as 0,3,7, a range such as 7-9, or one seed as 7, with its comma."""
    processes: Number = None
    """Parallel processes; one per core if left out, 1 on a GPU or for a short run. What one that dies did is begun
    again once, with one fewer."""
    rho: Numbers = None
    """Guidance scales, as in 1,5,10; tuned, published or default ones if left out."""
    retry_failed: Annotated[bool, tyro.conf.arg(help_behavior_hint=""), SELDOM] = False
    """Try cells that failed again; else they count as finished, and run leaves with exit code 1."""


@dataclass(frozen=True, kw_only=True)
class PlanOptions(RunOptions):
    """Show what `run` with these options would do; with --freeze keep it, so that `report` names deviations."""

    freeze: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """File for the frozen plan, with its hash; refused once any of it was evaluated."""
    primary: Annotated[Name, tyro.conf.arg(metavar="NAME,NAME", help_behavior_hint="")] = None
    """Of the frozen plan: the two methods whose difference is the primary comparison."""


@dataclass(frozen=True, kw_only=True)
class TuningOptions(TrainingOptions):
    """Options of both commands that tune."""

    protocol: Name = None
    """fair: 12 trials of tpe or more, 20 episodes per seed; `run --protocol fair` asks for the trials."""
    seeds: str = "100,101"
    """Training seeds for tuning only; they must not be seeds of reported results."""
    processes: Annotated[Number, SELDOM] = None
    """Methods and tasks tuned at once; one per core if left out, 1 on a GPU or for a short run."""


@dataclass(frozen=True, kw_only=True)
class TuneRhoOptions(TuningOptions):
    """Choose ρ per task by Optuna; run again to resume; with tpe several terminals share the trials."""

    search: Literal["auto", "grid", "tpe"] = "auto"
    """grid: the method's own grid; tpe: its continuous range, with pruning; auto: grid, with a protocol tpe."""
    trials: Count = 12
    """Trials of tpe; the grid tries each of its scales once."""
    grid: Numbers = None
    """Scales of the grid, as in 1,5,10; each method's own if left out."""


@dataclass(frozen=True, kw_only=True)
class TuneOptions(TuningOptions):
    """Choose ρ and each method's knobs (`list method NAME`) per task, with equally many trials for each method."""

    trials: Count = 12
    """Trials of each method that has something to tune."""
    ranges: Ranges = None
    """Narrower ranges of knobs or of rho, as in candidates=1:16."""
    training: bool = False
    """Tune knobs that change what is trained too; each trial then trains."""


@dataclass(frozen=True, kw_only=True)
class TimeOptions(PolicyOptions):
    """What an action of every method takes on one task's sizes, guided and unguided: latency, ratios, shares."""

    batches: Numbers = None
    """Observations per call; 1,20,256 if left out, in a sweep 1."""
    calls: Annotated[int, Ge(2)] = 50
    """Timed calls of each kind, in turns, after warm-up."""
    sweep: Annotated[Literal["depth", "width", "K", "steps"] | None, tyro.conf.arg(help_behavior_hint="")] = None
    """One setting over several values: the network's depth or width as in SWG's study, levels K, solver steps."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Tables, intervals and figures of a results folder, as Markdown, HTML, LaTeX, CSV, parquet and pictures."""

    results: Path = Path("results")
    """Folder of the result files."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to write; RESULTS/report if left out, with --export RESULTS/export."""
    baseline: Name = None
    """Baseline for the probability of improvement; by default unguided, else the first method."""
    tasks: Names = None
    """Only these tasks."""
    methods: Names = None
    """Only these methods."""
    margin: float = 5.0
    """Points of normalised score within which two methods count as equivalent."""
    bold: Literal["separated", "five-percent"] = "separated"
    """Bold: the methods not separated from the best, or, as papers do, those within 5 % of it."""
    export: Annotated[Literal["rliable", "parquet", "json"] | None, tyro.conf.arg(help_behavior_hint="")] = None
    """Instead of a report the results alone: a matrix of each variant, two frames, or one document."""
    compare: Annotated[tuple[Path, Path] | None, tyro.conf.arg(metavar="A B", help_behavior_hint="")] = None
    """Instead of a report what changed from results folder A to B; written to B/report if --out is left out."""
    print: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Draw every figure for print too, as PNG and PDF."""
    partial: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Report what is there of a plan that is not finished; missing cells are marked, and averaged over nowhere."""
    watch: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Write the report again whenever results changed, until all that is planned is there; the page follows."""
    every: Annotated[Positive | None, tyro.conf.arg(metavar="SECONDS", help_behavior_hint="(60)")] = None
    """With --watch: seconds between a report and the next look."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """Show how far runs are, here or on machines that share the folders: counts, rate, end, who works on what."""

    results: Path = Path("results")
    """Folder of the result files."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components."""
    once: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """Print the tables once; so it is too where the output is no terminal."""
    every: Annotated[Positive, tyro.conf.arg(metavar="SECONDS")] = 5.0
    """Seconds between two looks."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """A video of an episode that a result was scored on; the report shows those in RESULTS/renders."""

    task: Annotated[TaskName, tyro.conf.Positional]
    """Of the result, as in maze2d-umaze."""
    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    """Of the result, as in swg."""
    seed: Annotated[int, tyro.conf.Positional, tyro.conf.arg(metavar="SEED")]
    """Of the result."""
    results: Path = Path("results")
    """Folder of the result files."""
    artifacts: Path = Path("artifacts")
    """Folder of the trained components."""
    rho: Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")] = None
    """Guidance scale, where there are results of several."""
    variant: Annotated[Name, SELDOM] = None
    """The method with the settings that set it apart, where there are several, as the error about them says."""
    episode: int = 0
    """Number of the episode in the result, from 0."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """A .gif, or with ffmpeg a .mp4; if left out a GIF in RESULTS/renders."""
    width: int = 320
    """Pixels, up to 1920."""
    height: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    """Pixels; by the maze's shape, else three quarters of the width, if left out."""
    fps: int = 20
    """Pictures a second; the episode is in real time, or faster where it has too many."""
    camera: Name = None
    """map (a maze without MuJoCo's renderer), top (a maze), free, or one of the model's; chosen if left out."""
    device: Annotated[Literal["auto", "cpu", "cuda"], SELDOM] = "auto"
    """Where the policy computes; auto takes the result's device if it is there."""
    plugin: Files = ()
    """A Python file that registers methods or suites of your own."""


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """Make one results folder from several, such as those of different seeds; they stay as they are."""

    results: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER...", help_behavior_hint="")
    ]
    """The folders, two or more."""
    to: Path
    """The new folder."""


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """Add a results folder to a site of contributed runs with a leaderboard, checked; nothing is uploaded."""

    results: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="RESULTS", help_behavior_hint="")
    ] = None
    """The results folder, which stays as it is."""
    to: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")] = None
    """The site, a folder of static files; made if it is not there."""
    name: Annotated[Name, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = None
    """Name of the run or its contributor; the folder's if left out."""
    note: Annotated[str, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = ""
    """A note on it, up to 500 letters."""
    check: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Instead: check a whole site again, every hash and every run; exit code 1 if something is wrong."""


@dataclass(frozen=True, kw_only=True)
class ImportCheckpointOptions(ComparisonOptions):
    """Put networks that the authors' code trained into the artifacts, for `run --denoiser.imported NAME`."""

    layout: Annotated[Literal["swg-jax", "idql"], tyro.conf.Positional, tyro.conf.arg(metavar="LAYOUT")]
    """Whose code: swg-jax or idql; docs/import.md says how its parameters are saved."""
    name: Annotated[str, tyro.conf.arg(metavar="NAME")]
    """Of the import, the same for all its seeds, as in authors."""
    denoiser_file: Annotated[Path | None, tyro.conf.arg(metavar="NPZ", help_behavior_hint="")] = None
    """The noise network's parameters."""
    critic_file: Annotated[Path | None, tyro.conf.arg(metavar="NPZ", help_behavior_hint="")] = None
    """Those of twin Q, the target networks; with --value-file."""
    value_file: Annotated[Path | None, tyro.conf.arg(metavar="NPZ", help_behavior_hint="")] = None
    """Those of V; with --critic-file."""
    methods: Names = None
    """The one whose denoiser it becomes; swg or idql, as the layout says, if left out."""
    seed: int = 0
    """The seed that they have in `run`."""
    preset: str = "official"
    """That of the `run` that evaluates them."""
    terms: str = "as-published"
    """Those of the `run` that evaluates them."""
    data: str = "auto"
    """Source of the data of the task, as of run."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components, shared by all runs."""


@dataclass(frozen=True, kw_only=True)
class CleanOptions:
    """List, or remove, components and data that no result refers to, and what killed processes left."""

    results: Files = ()
    """Folder of result files, once for each folder that uses the artifacts; results if left out."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components."""
    remove: bool = False
    """Remove what is listed, but for data sets that were made here."""
    data_sets: bool = False
    """With --remove: these too, which take minutes to make again."""


@dataclass(frozen=True, kw_only=True)
class CheckMethodOptions:
    """Check that a plug-in's methods do what the harness asks of every method; exit code 1 if one does not."""

    file: File
    """A Python file that registers methods of your own."""


@dataclass(frozen=True, kw_only=True)
class CheckSuiteOptions:
    """Check that a suite's declarations, environments and data work; exit code 1 if something does not."""

    suite: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE|SUITE")]
    """A Python file that registers suites of your own, or the name of a suite."""
    artifacts: Path = Path("artifacts")
    """Folder whose data sets are checked too; nothing is downloaded or written there."""
    plugin: Files = ()
    """A Python file that registers more methods or suites of your own."""


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Check that this machine can run: packages, device, simulators, data, space; exit code 1 if it cannot."""

    suite: Name = None
    """Only this suite's simulator and data; all of them if left out."""
    results: Path = Path("results")
    """Folder of the result files."""
    artifacts: Path = Path("artifacts")
    """Folder of data sets and trained components."""
    plugin: Files = ()
    """A Python file that registers methods or suites of your own, which is checked too."""


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Methods, suites, tasks, experiments, presets and weights, or all about one method."""

    what: Annotated[
        Literal["all", "methods", "method", "suites", "tasks", "experiments", "presets", "weights"],
        tyro.conf.Positional,
    ] = "all"
    """What to list."""
    name: Annotated[str | None, tyro.conf.Positional] = None
    """The method of `list method`: its settings by paper and code, and where ours departs from them."""
    task: Name = None
    """With `list method`: the task of its sizes, its parameters and evaluations; hopper-medium-v2 if left out."""
    preset: Name = None
    """With `list method`: the preset of its sizes; paper if left out."""
    plugin: Files = ()
    """A Python file that registers methods or suites of your own."""


COMMANDS: Mapping[str, type] = {
    "run": RunOptions,
    "plan": PlanOptions,
    "tune-rho": TuneRhoOptions,
    "tune": TuneOptions,
    "report": ReportOptions,
    "watch": WatchOptions,
    "time": TimeOptions,
    "render": RenderOptions,
    "merge": MergeOptions,
    "publish": PublishOptions,
    "import-checkpoint": ImportCheckpointOptions,
    "clean": CleanOptions,
    "check-method": CheckMethodOptions,
    "check-suite": CheckSuiteOptions,
    "doctor": DoctorOptions,
    "list": ListOptions,
}


@dataclass(frozen=True)
class CommandLine:
    """What was typed.

    Attributes:
        options: the command's, one of `COMMANDS` or of `data_options.DATA_COMMANDS`.
        given: every setting that has a flag on the command line, by dotted name, even if it is the default.
    """

    options: Any
    given: Mapping[str, Any]
