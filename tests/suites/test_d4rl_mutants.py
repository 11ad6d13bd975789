"""Two hundred files in D4RL's layout, each changed at random: read, or refused in one sentence."""

import os

import h5py
import numpy as np
import pytest
from control_tasks import control_tasks
from d4rl_layout import columns, write

from suites.errors import DataError
from suites.sources.d4rl.check import inspect
from suites.sources.d4rl.read import read_d4rl

PEN = control_tasks("adroit-pen")["pen-human"]
MUTANTS = 200
ATTACK = ["observations", "actions", "rewards", "terminals", "timeouts", "next_observations", "infos", "metadata"]
TYPES = ("f2", "f4", "f8", "i1", "u8", "?", "S4", "c8", "V3", h5py.ref_dtype, h5py.vlen_dtype("f4"))


def replace(file, name, make):
    if name in file:
        del file[name]
    make()


def mutate(path, generator):
    """One change of names, types, shapes, values, links, storage, attributes or bytes; says which."""
    name, kind = generator.choice(ATTACK), generator.integers(14)
    rows = int(generator.integers(0, 20))
    with h5py.File(path, "a") as file:

        def put(value):
            replace(file, name, lambda: file.create_dataset(name, data=value))

        match kind:
            case 0 if name in file:
                del file[name]
            case 1:
                put(generator.choice(np.array([0.0, np.nan, 1e308, -1.0])))
            case 2:
                put(np.array(["text"] * rows, dtype="S4"))
            case 3:
                put(h5py.Empty("f"))
            case 4:
                put(generator.normal(size=generator.integers(0, 5, generator.integers(1, 5))))
            case 5:
                put(np.zeros(rows, dtype=[("a", "f4"), ("b", "i8")]))
            case 6:
                chosen, shape = TYPES[generator.integers(len(TYPES))], (12, int(generator.integers(1, 46)))
                replace(file, name, lambda: file.create_dataset(name, shape, chosen))
            case 7:
                replace(file, name, lambda: file.create_group(name).create_group("x"))
            case 8:
                elsewhere = str(path.with_name("elsewhere.hdf5"))
                replace(file, name, lambda: file.__setitem__(name, h5py.ExternalLink(elsewhere, f"/{name}")))
            case 9:
                replace(file, name, lambda: file.__setitem__(name, h5py.SoftLink(f"/{generator.choice(ATTACK)}")))
            case 10:
                shape = (2**40, int(generator.integers(1, 46)))
                chunks = (1024, 1) if generator.random() < 0.5 else None
                replace(file, name, lambda: file.create_dataset(name, shape, "f8", chunks=chunks))
            case 11:
                raw = str(path.with_name("raw"))
                external = [(raw, 0, h5py.h5f.UNLIMITED)]
                replace(file, name, lambda: file.create_dataset(name, (12,), "f4", external=external))
            case 12:
                file.create_group("\x1b[2J\n")
                if name in file:
                    del file[name]
    if kind == 13:
        content = bytearray(path.read_bytes())
        for _ in range(int(generator.integers(1, 40))):
            content[generator.integers(len(content))] = generator.integers(256)
        path.write_bytes(content[: generator.integers(len(content) // 2, len(content) + 1)])
    return f"{name} {kind}"


def try_reading(read, what):
    """The one sentence that refuses a file; None where it is read. Another exception fails the test."""
    try:
        read()
    except DataError as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"{what} raises {error!r}") from error
    return None


def test_every_mutant_is_read_or_refused_in_one_sentence(tmp_path):
    outcomes = {"read": 0, "refused": 0}
    write(tmp_path / "elsewhere.hdf5", "pen", columns("pen"))
    (tmp_path / "raw").write_bytes(bytes(4 * 12))
    for number in range(MUTANTS):
        generator = np.random.default_rng(number)
        path = tmp_path / "mutant.hdf5"
        path.unlink(missing_ok=True)
        write(path, "pen", columns("pen", seed=number))
        what = mutate(path, generator)
        for read in (
            lambda path=path: read_d4rl(path, PEN, source="file", name="mutant", bounded=True),
            lambda path=path: inspect(path, PEN),
            lambda path=path: inspect(path, None),
        ):
            said = try_reading(read, f"mutant {number} ({what})")
            outcomes["read" if said is None else "refused"] += 1
            assert not set("\n\x1b") & set(said or ""), (number, what)
    assert min(outcomes.values()) > MUTANTS // 4


@pytest.mark.parametrize("name", ["observations", "rewards", "timeouts"])
def test_a_column_in_another_file_is_never_opened(tmp_path, name):
    other = tmp_path / "other.hdf5"
    write(other, "pen", columns("pen"))
    path = write(tmp_path / "mine.hdf5", "pen", columns("pen"))
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(other), f"/{name}")
    with pytest.raises(DataError, match=rf"{name} is a link, and a column must be in the file itself"):
        read_d4rl(path, PEN, source="file", name="mine", bounded=True)
    other.unlink()
    os.mkfifo(other)  # who opens it waits for ever
    with pytest.raises(DataError, match=rf"{name} is a link"):
        read_d4rl(path, PEN, source="file", name="mine", bounded=True)
