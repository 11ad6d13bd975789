"""Components on disk: all seeds of a training are published or none, and what was changed meanwhile is refused."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.storage.components import ComponentStore, hash_json
from bench.storage.publishing import JOURNAL
from foundation.errors import UserError
from reports.load.schema import Failure
from training import SeedLinear, SeedStreams
from training.curve import Curve

SEEDS, LABEL, OTHER = (0, 4, 7), "critic-0123", "critic-4567"
FAILURES = {4: Failure(step="critic, step 50 of 100", reason="diverged: its loss is nan")}


class Killed(BaseException):
    """What ends a process."""


def make_module(label: str = LABEL) -> SeedLinear:
    return SeedLinear(SeedStreams(SEEDS, label), 3, 2)


def save_all(store: ComponentStore, label: str = LABEL, **failures: dict[int, Failure]) -> None:
    store.save(label, make_module(label), SEEDS, {"losses": [0.1, float("nan"), 0.3]}, Curve(SEEDS, 5), **failures)


@pytest.fixture
def store(tmp_path: Path) -> ComponentStore:
    return ComponentStore(tmp_path)


def assert_whole(store: ComponentStore, seeds: tuple[int, ...] = SEEDS) -> None:
    """These seeds are there with the weights that were saved, and say which were made with them."""
    expected = make_module()
    for seed in seeds:
        found = store.load(LABEL, SeedLinear(SeedStreams([seed], "y"), 3, 2), [seed])
        for name, tensor in found.state_dict().items():
            assert torch.equal(tensor[0], expected.state_dict()[name][SEEDS.index(seed)])
        assert store.about(LABEL, seed)["made_with"] == list(SEEDS)


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int, before: bool) -> Callable[[], int]:
    """Kill before or after the rename or removal of that number; returns how many there were so far."""
    count = [0]

    def watch(original: Callable[..., None]) -> Callable[..., None]:
        def called(*arguments: object, **options: object) -> None:
            count[0] += 1
            if count[0] == number and before:
                raise Killed
            try:
                original(*arguments, **options)
            finally:  # a file that is moved already cannot be removed
                if count[0] == number:
                    raise Killed

        return called

    for name in ("replace", "unlink"):
        monkeypatch.setattr(os, name, watch(getattr(os, name)))
    return lambda: count[0]


@pytest.mark.parametrize("failures", [{}, FAILURES], ids=["", "one failed"])
def test_killed_anywhere_all_seeds_of_a_training_are_there_or_none(tmp_path, failures):
    """Weights, curves, journal, descriptions: at every rename and removal, before and after it."""
    made = tuple(seed for seed in SEEDS if seed not in failures)
    with pytest.MonkeyPatch.context() as context:
        count = kill_at(context, 0, before=True)
        save_all(ComponentStore(tmp_path / "counted"), failures=failures)
    steps, seen = count(), set[tuple[int, ...]]()
    assert steps > 2 * len(SEEDS) + 1
    for number in range(1, steps + 1):
        for before in (True, False):
            store = ComponentStore(tmp_path / f"{number}-{before}")
            with pytest.MonkeyPatch.context() as context:
                kill_at(context, number, before)
                with pytest.raises(Killed):
                    save_all(store, failures=failures)
            missing = store.missing(LABEL, SEEDS)
            assert missing in (SEEDS, tuple(failures))
            assert {s: f for s in SEEDS if (f := store.failure(LABEL, s))} == (
                failures if missing != SEEDS else {}
            )
            assert_whole(store, tuple(seed for seed in made if seed not in missing))
            assert not (store.folder(LABEL) / JOURNAL).exists()
            seen.add(missing)
        save_all(store)
        assert store.missing(LABEL, SEEDS) == ()
        assert_whole(store)
        assert store.failure(LABEL, 4) is None
    assert seen == {SEEDS, tuple(failures)}


def test_killed_while_publishing_is_finished_is_finished_by_the_next(store):
    """The journal is there, some descriptions are, and whoever looks is killed too."""
    for number in (17, 3, 3):  # each write is a rename and a removal: of 6 files, the journal, a description
        with pytest.MonkeyPatch.context() as context:
            kill_at(context, number, before=True)
            with pytest.raises(Killed):
                save_all(store) if number == 17 else store.missing(LABEL, SEEDS)
    assert (store.folder(LABEL) / JOURNAL).exists()
    assert_whole(store)


@pytest.mark.parametrize("text", ["", "[]", "[" * 10**5, '{"../x": "y"}', '{"x": 1}'])
def test_a_damaged_journal_is_named(store, text):
    save_all(store)
    (store.folder(LABEL) / JOURNAL).write_text(text)
    with pytest.raises(UserError, match=r"publishing\.json' is damaged; delete it and run again"):
        store.missing(LABEL, SEEDS)
    assert not (store.root / "components" / "x").exists()


def swap(one: Path, other: Path, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        first, second = one.with_suffix(kind), other.with_suffix(kind)
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)


@pytest.mark.parametrize("kinds", [(".safetensors", ".json"), (".safetensors",), (".json",)])
@pytest.mark.parametrize("other", [(LABEL, 4), (OTHER, 0)], ids=["seed", "component"])
def test_files_of_another_seed_or_component_are_refused(store, kinds, other):
    save_all(store)
    save_all(store, OTHER)
    one, two = store.file(LABEL, 0), store.file(*other)
    swap(one, two, kinds)
    for label, seed in ((LABEL, 0), other):
        said = r"(is damaged|has the description of seed \d of critic-\d+); delete it with the \.json beside it"
        with pytest.raises(UserError, match=said):
            store.load(label, make_module(), [seed, *SEEDS[1:]] if seed == 0 else [seed])
    assert store.about(LABEL, 7)["seed"] == 7


def test_a_copy_whose_description_was_edited_is_refused(store):
    save_all(store)
    one, copy = store.file(LABEL, 0), store.file(LABEL, 1)
    shutil.copy(one, copy)
    about = json.loads(one.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps({**about, "seed": 1}))
    with pytest.raises(UserError, match="has a description that was changed, as its hash says"):
        store.load(LABEL, SeedLinear(SeedStreams([1], "y"), 3, 2), [1])


def says_the_same(content: bytes, whole: bytes) -> bool:
    """Whether white space between the values of a description is all that was changed."""
    try:
        return json.dumps(json.loads(content)) == json.dumps(json.loads(whole))
    except ValueError:
        return False


@pytest.mark.parametrize("part", ["weights", "description"])
def test_a_flipped_bit_is_refused_wherever_it_is(store, part):
    save_all(store)
    file = store.file(LABEL, 4)
    file = file if part == "weights" else file.with_suffix(".json")
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        if part == "description" and says_the_same(file.read_bytes(), whole):
            continue
        with pytest.raises(UserError, match="delete it"):
            store.load(LABEL, make_module(), SEEDS)


@pytest.mark.parametrize("change", ["shape", "name"])
def test_weights_that_do_not_fit_are_refused_though_their_hashes_agree(store, change):
    save_all(store)
    file = store.file(LABEL, 0)
    tensors = load_file(file)
    tensors = {f"x{n}" if change == "name" else n: t if change == "name" else t[:1] for n, t in tensors.items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
    about = json.loads(file.with_suffix(".json").read_text())
    about |= {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    del about["description_sha256"]
    about["description_sha256"] = hash_json(about)
    file.with_suffix(".json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="has not the tensors of this component"):
        store.load(LABEL, SeedLinear(SeedStreams([0], "y"), 3, 2), [0])


def test_a_component_of_version_0_2_0_is_used_as_it_is(store):
    """It neither says which seeds it was made with nor has a hash of what it says."""
    save_all(store)
    file = store.file(LABEL, 0).with_suffix(".json")
    about = json.loads(file.read_text())
    file.write_text(json.dumps({n: v for n, v in about.items() if n not in ("made_with", "description_sha256")}))
    found = store.load(LABEL, SeedLinear(SeedStreams([0], "y"), 3, 2), [0])
    assert torch.equal(found.state_dict()["weight"][0], make_module().state_dict()["weight"][0])


def test_a_folder_in_the_place_of_a_description_is_refused_before_anything_is_made(store):
    save_all(store)
    place = store.file(LABEL, SEEDS[0]).with_suffix(".json")
    place.unlink()
    place.mkdir()
    with pytest.raises(UserError, match="is a folder in the place of a file"):
        store.missing(LABEL, SEEDS)
