"""`clean` lists what no result refers to and removes it where asked; a run removes what killed processes left."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from command_line import TOY

import bench as interface
from bench.cli.main import main
from bench.storage.components import ComponentStore
from bench.storage.unreferred import RECORD
from foundation.errors import UserError
from foundation.locks import hold_lock
from training import SeedLinear, SeedStreams
from training.saved_state import Owner, SavedState, pack_state

OLD = time.time() - 25 * 3600


def components_in(artifacts: Path) -> set[str]:
    return {path.name for path in (artifacts / "components").iterdir()}


def make_old(path: Path, content: bytes = b"half") -> Path:
    """A file or folder that nobody changed for more than a day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return path


RUN = (
    *("run", *TOY, "--methods", "cep", "--seeds", "1", "--sampler.steps", "2"),
    *("--guidance-net.steps", "3", "--denoiser.steps"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of different lengths of training into two results folders."""
    place = tmp_path_factory.mktemp("made")
    for name, steps in (("results", 3), ("others", 4)):
        main([*RUN, str(steps), "--results", str(place / name), "--artifacts", str(place / "artifacts")])
    return place


def components_of(results: Path) -> set[str]:
    """Those that the one result of a folder names, and that were made."""
    (file,) = (results / "runs").rglob("seed-0.json")
    named = set(json.loads(file.read_text())["components"].values())
    return named & components_in(results.parent / "artifacts")


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may clean."""
    return Path(shutil.copytree(made, tmp_path / "place"))


def test_components_are_judged_by_all_folders_that_are_named(bench, place, monkeypatch):
    monkeypatch.chdir(place.parent)
    folders = ("--artifacts", place / "artifacts", "--results", place / "results")
    both = bench("clean", *folders, "--results", place / "others")
    assert both.out == "Nothing to remove: results refer to all that is there.\n"
    before = components_in(place / "artifacts")
    others = components_of(place / "others") - components_of(place / "results")
    assert others
    told = bench("clean", *folders)
    assert (
        f"There are other results folders, {place / 'others'}: what they alone refer to is listed too" in told.out
    )
    assert "`python -m bench clean --remove`, with the same folders, removes them." in told.out
    assert components_in(place / "artifacts") == before, "it only lists"
    assert "Removed 1 of 1, " in bench("clean", *folders, "--remove").out
    assert before - components_in(place / "artifacts") == others
    again = bench(*RUN, "3", "--results", place / "results", "--artifacts", place / "artifacts")
    assert "nothing to do" in again.out


def clean(place: Path, **options) -> list[tuple[str, str]]:
    """The kinds and names of what one folder's `clean` lists, but for records, of which there is a test beside."""
    frame = interface.clean(results=place / "results", artifacts=place / "artifacts", progress=False, **options)
    found = [(kind, Path(path).name) for kind, path in zip(frame["kind"], frame["path"], strict=True)]
    return [(kind, name) for kind, name in found if kind != RECORD]


def test_what_a_component_was_trained_with_stays_with_it(place):
    store, module = ComponentStore(place / "artifacts"), SeedLinear(SeedStreams((0,), "x"), 3, 2)
    for label, upstream in (
        ("critic-1", {}),
        ("support-2", {"critic": "critic-1"}),
        ("net-3", {"s": "support-2"}),
    ):
        store.save(label, module, (0,), {"upstream": upstream})
    assert {name for _, name in clean(place)} >= {"critic-1", "support-2", "net-3"}
    (file,) = (place / "results" / "runs").rglob("seed-0.json")
    result = json.loads(file.read_text())
    file.write_text(json.dumps({**result, "components": {"net": "net-3"}}))
    assert not {name for _, name in clean(place)} & {"critic-1", "support-2", "net-3"}


def test_of_a_component_that_results_stand_on_other_seeds_are_listed(place):
    label = next(name for name in sorted(components_of(place / "results")) if name.startswith("behaviour"))
    folder = place / "artifacts" / "components" / label
    for suffix in (".json", ".csv", ".safetensors"):
        shutil.copy(folder / f"seed-0{suffix}", folder / f"seed-7{suffix}")
    others = components_of(place / "others") - components_of(place / "results")
    shutil.rmtree(place / "artifacts" / "components" / others.pop())
    frame = interface.clean(results=place / "results", artifacts=place / "artifacts", progress=False, remove=True)
    assert [*zip(frame["kind"], frame["note"], strict=True)] == [
        ("seed of a component", "results refer to seeds 0")
    ]
    assert frame["path"][0] == str(folder / "seed-7.safetensors")
    files = [folder / f"seed-0{suffix}" for suffix in (".json", ".csv", ".safetensors")]
    assert frame["bytes"][0] == sum(file.stat().st_size for file in files)
    assert sorted(folder.glob("seed-*")) == sorted(files), "the seed that is needed stays"


def test_what_a_stopped_trial_left_is_listed_after_a_day_and_no_run_removes_it(bench, place):
    tuning = place / "results" / "tuning"
    old, young = make_old(tuning / ".unfinished-0123.state"), tuning / ".unfinished-4567.state"
    young.write_bytes(b"half")
    lease = make_old(tuning / ".abcd-2.holders" / "1")
    lock = make_old(tuning / ".moons-swg.log.lock.holders" / "1")
    for folder in (lease.parent, lock.parent):
        os.utime(folder, (OLD, OLD))
    bench(*RUN, "3", "--results", place / "results", "--artifacts", place / "artifacts")
    listed = [each for each in clean(place, remove=True) if each[0] != "component"]
    assert sorted(listed) == [
        ("lease of a stopped trial", ".abcd-2.holders"),
        ("state of a stopped trial", ".unfinished-0123.state"),
    ]
    assert [each.exists() for each in (old, lease, young, lock)] == [False, False, True, True]


def test_an_open_cell_of_a_plan_keeps_its_components(place):
    needed = components_of(place / "results")
    (file,) = (place / "results" / "runs").rglob("seed-0.json")
    file.unlink()
    assert needed
    assert not {name for _, name in clean(place)} & needed
    (place / "results" / "plans.jsonl").unlink()
    assert {name for _, name in clean(place)} == components_in(place / "artifacts")


def test_what_another_process_makes_is_kept(place):
    store = ComponentStore(place / "artifacts")
    shutil.rmtree(place / "results" / "runs")
    (place / "results" / "plans.jsonl").unlink()
    before = {name for _, name in clean(place)}
    (held, *_) = sorted(before)
    with hold_lock(store.folder(held) / ".lock", "it"):
        assert {name for _, name in clean(place, remove=True)} == before - {held}
    assert components_in(place / "artifacts") >= {held}
    assert {name for _, name in clean(place, remove=True)} == {held}


def test_data_sets_stay_unless_they_are_named(place):
    data = place / "artifacts" / "data"
    (data / "local" / "maze2d-umaze-2k-v1" / "data").mkdir(parents=True)
    (data / "local" / "maze2d-umaze-2k-v1" / "data" / "main_data.hdf5").write_bytes(b"0" * 1000)
    (data / "flat").mkdir()
    for name in ("local-local--maze2d-umaze-2k-v1-4", "d4rl-hopper-medium-v2-11"):
        (data / "flat" / f"{name}.npz").write_bytes(b"0")
    (data / "d4rl").mkdir()
    (data / "d4rl" / "hopper-medium-v2.hdf5").write_bytes(b"0")
    listed = [each for each in clean(place, remove=True) if each[0] != "component"]
    assert listed == [
        ("data set", "maze2d-umaze-2k-v1"),
        ("flat copy", "d4rl-hopper-medium-v2-11.npz"),
        ("flat copy", "local-local--maze2d-umaze-2k-v1-4.npz"),
    ]
    assert clean(place, remove=True, data_sets=True) == listed[:1]
    assert clean(place) == []
    files = [path.name for path in data.rglob("*") if path.is_file() and ".lock" not in str(path)]
    assert files == ["hopper-medium-v2.hdf5"]


def test_data_that_a_result_names_stay(place):
    (file,) = (place / "results" / "runs").rglob("seed-0.json")
    result = json.loads(file.read_text())
    result["data"]["name"] = "local/maze2d-umaze-2k-v1"
    file.write_text(json.dumps(result))
    data = place / "artifacts" / "data"
    (data / "local" / "maze2d-umaze-2k-v1" / "data").mkdir(parents=True)
    (data / "flat").mkdir()
    (data / "flat" / "local-local--maze2d-umaze-2k-v1-4.npz").write_bytes(b"0")
    assert {kind for kind, _ in clean(place)} == {"component"}


def test_folders_that_are_not_there_or_say_nothing_sure_are_mistakes(bench, place):
    artifacts = ("--artifacts", place / "artifacts")
    assert "there is no results folder at" in bench("clean", *artifacts, "--results", place / "no").mistake
    said = bench("clean", "--results", place / "results", "--artifacts", place / "no").mistake
    assert "there is no artifacts folder at" in said
    assert "has no FORMAT file" in bench("clean", *artifacts, "--results", place / "artifacts").mistake
    (file,) = (place / "results" / "runs").rglob("seed-0.json")
    file.write_text(file.read_text()[:300])
    before = components_in(place / "artifacts")
    assert "is not JSON" in bench("clean", *artifacts, "--results", place / "results", "--remove").mistake
    assert components_in(place / "artifacts") == before
    with pytest.raises(UserError, match="remove='yes'"):
        interface.clean(results=place / "results", artifacts=place / "artifacts", remove="yes")  # pyright: ignore


def leave_behind(place: Path) -> tuple[list[Path], list[Path]]:
    """What killed processes leave: to be removed, and to be kept."""
    store = ComponentStore(place / "artifacts")
    label = next(name for name in sorted(components_in(place / "artifacts")) if name.startswith("behaviour"))
    (result,) = (place / "results" / "runs").rglob("seed-0.json")
    finished = store.checkpoint(label, [0], print).path
    open_one = store.checkpoint(label, [0, 5], print).path
    for path, seeds in ((finished, (0,)), (open_one, (0, 5))):
        path.write_bytes(pack_state(SavedState(1, {}, {}), Owner(label, seeds, "data", 10)))
    old = make_old(place / "artifacts" / "data" / ".unfinished-abc" / "local" / "x" / "main_data.hdf5")
    for folder in (old.parent, old.parents[1], old.parents[2]):
        os.utime(folder, (OLD, OLD))
    state = make_old(result.with_name(".unfinished-seed-0.state"))
    other = make_old(result.with_name(".unfinished-seed-1.state"))
    half = [
        make_old(place / "results" / ".writing-1.json"),
        make_old(store.folder(label) / ".writing-2.safetensors"),
    ]
    young = place / "results" / ".writing-3.json"
    young.write_bytes(b"half")
    logged = make_old(place / "results" / "logs" / ".writing-4")
    return [finished, old.parents[2], state, *half], [open_one, other, young, logged]


def test_a_run_removes_what_killed_processes_left_and_says_so(bench, place):
    left, kept = leave_behind(place)
    arguments = (*RUN, "3", "--results", place / "results", "--artifacts", place / "artifacts")
    told = bench(*arguments)
    assert told.code == 0, told.err
    assert "  removed 5 leftovers of killed processes (" in told.out
    assert [path for path in left if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert "leftover" not in bench(*arguments).out


def test_clean_lists_leftovers_once(place):
    left, _ = leave_behind(place)
    listed = clean(place, remove=True)
    inside = [path for path in left if path.parent.name in {name for _, name in listed}]
    assert {name for kind, name in listed if kind != "component"} == {p.name for p in left if p not in inside}
    assert [path for path in left if path.exists()] == []
