"""Files that were cut, edited or made to mislead: `run` and `report` read them alike, in one sentence."""

import json
import os
import shutil

import pytest
from command_line import TOY

SWG = (*TOY, "--methods", "swg", "--seeds", "2", "--evaluation.inverse-temperatures", "1", "3")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folders of a finished run of two seeds, with a choice, a timing and a look."""
    from bench.cli.main import main

    folder = tmp_path_factory.mktemp("made")
    places = ["--results", str(folder / "results"), "--artifacts", str(folder / "artifacts")]
    main(["run", *SWG, *places])
    main(["report", *places[:2]])
    return folder


@pytest.fixture
def copied(made, tmp_path):
    """A copy that a test may damage, and its flags."""
    for name in ("results", "artifacts"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def flags(folder):
    return ("--results", folder / "results", "--artifacts", folder / "artifacts")


def one_of(folder, seed=0):
    (file,) = (folder / "results" / "runs" / "moons").glob(f"swg-*/seed-{seed}.json")
    return file


def edit(**changes):
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def make_fifo(path):
    path.unlink()
    os.mkfifo(path)


def make_folder(path):
    path.unlink()
    path.mkdir()


def swap(path):
    path.write_bytes(path.with_name("seed-1.json").read_bytes())


def forge_settings(path):
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "config": {**record["config"], "denoiser.steps": 6}}))


def fewer(path):
    """Half of the β, and the mean of those: consistent in itself, and not what was asked for."""
    record = json.loads(path.read_text())
    kept = record["densities"][:1]
    path.write_text(json.dumps({**record, "densities": kept, "score": kept[0]["distance"]}))


NO_RESULT = {
    "cut short": cut,
    "empty": lambda path: path.write_bytes(b""),
    "a list": lambda path: path.write_text("[]"),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "deep": lambda path: path.write_text('{"config":' * 100_000),
    "another seed's": swap,
    "another score": edit(score=0.5),
    "NaN for a score": edit(score=float("nan")),
    "another format": edit(format=3),
    "fewer β": fewer,
    "other settings": forge_settings,
    "other parts": edit(components={}),
    "another ρ": edit(rho=2.5),
    "a pipe": make_fifo,
    "a folder": make_folder,
    "no samples": lambda path: path.with_suffix(".npz").unlink(),
    "samples cut short": lambda path: cut(path.with_suffix(".npz")),
    "another seed's samples": lambda path: shutil.copy(path.with_name("seed-1.npz"), path.with_suffix(".npz")),
    "samples of a flipped bit": lambda path: flip(path.with_suffix(".npz")),
    "a folder of samples": lambda path: make_folder(path.with_suffix(".npz")),
}


@pytest.mark.parametrize("kind", NO_RESULT)
def test_run_makes_what_is_no_result_again_and_keeps_it_aside(bench, copied, kind):
    file = one_of(copied)
    before = json.loads(file.read_text())
    NO_RESULT[kind](file)
    told = bench("run", *SWG, *flags(copied))
    assert told.code == 0
    kept = file.with_name("damaged-1-seed-0.json")
    assert f"It is made again; what was there is kept as {str(kept)!r}." in told.out
    assert os.path.lexists(kept)
    assert "to make again: " in told.out
    assert "2 results (swg); 1 finished" in told.out
    after = json.loads(file.read_text())
    assert (after["score"], after["densities"]) == (before["score"], before["densities"])


def test_plan_moves_nothing_and_what_was_made_again_is_finished(bench, copied):
    cut(one_of(copied))
    planned = bench("plan", *SWG, *flags(copied))
    assert "to make again: file '" in planned.out
    assert list((copied / "results").rglob("damaged-*")) == []
    assert bench("run", *SWG, *flags(copied)).code == 0
    assert "nothing to do: all results exist" in bench("run", *SWG, *flags(copied)).out


def test_a_link_out_of_the_folder_is_refused_by_run_too(bench, copied, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (copied / "results" / "runs" / "rings").symlink_to(tmp_path / "elsewhere")
    for command in (("run", *SWG, *flags(copied)), ("report", *flags(copied)[:2])):
        assert "leads out of the results folder" in bench(*command).mistake
    assert list((tmp_path / "elsewhere").iterdir()) == []


CHOICE = {
    "suite": "toy",
    "task": "moons",
    "method": "swg",
    "preset": "smoke",
    "terms": "shared",
    "policy": "p",
    "settings": {},
    "rho": 1.0,
    "score": 1.0,
    "trials": 1,
    "episodes": 1,
    "seeds": [100],
    "sampler": "grid",
    "range": [1.0],
    "tried": [{"rho": 1.0, "score": 1.0}],
}


def choices(folder, **changes):
    data = json.loads(one_of(folder).read_text())["data"]
    return {"format": 4, "choices": [{**CHOICE, "data": data, **changes}]}


def write(name, make):
    return lambda folder: (folder / "results" / name).write_text(json.dumps(make(folder)))


def spoil(name, change):
    return lambda folder: change(folder / "results" / name)


def add_line(name, line):
    def add(folder):
        with (folder / "results" / name).open("a") as file:
            file.write(f"{line}\n")

    return add


def rewrite(old, new):
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


TUNED = {
    "not JSON": lambda folder: (folder / "results" / "tuned.json").write_text("{"),
    "no object": write("tuned.json", lambda _: []),
    "nothing": write("tuned.json", lambda _: {}),
    "another format": write("tuned.json", lambda folder: {**choices(folder), "format": 3}),
    "choices that are none": write("tuned.json", lambda _: {"format": 4, "choices": [1]}),
    "a mapping for a list": write("tuned.json", lambda _: {"format": 4, "choices": {}}),
    "a path for a task": write("tuned.json", lambda folder: choices(folder, task="../x")),
    "ρ as text": write("tuned.json", lambda folder: choices(folder, rho="1")),
    "ρ below 0": write("tuned.json", lambda folder: choices(folder, rho=-1.0)),
    "ρ of NaN": write("tuned.json", lambda folder: choices(folder, rho=float("nan"))),
    "seeds below 0": write("tuned.json", lambda folder: choices(folder, seeds=[-1])),
    "a huge seed": write("tuned.json", lambda folder: choices(folder, seeds=[10**300])),
    "knobs that are none": write("tuned.json", lambda folder: choices(folder, knobs=[1])),
    "settings that are none": write("tuned.json", lambda folder: choices(folder, settings=None)),
    "no data": write("tuned.json", lambda folder: choices(folder, data={})),
    "a folder": lambda folder: (folder / "results" / "tuned.json").mkdir(),
    "deep": lambda folder: (folder / "results" / "tuned.json").write_text('{"choices":' + "[" * 100_000),
}
OTHERS = {
    "FORMAT": spoil("FORMAT", lambda path: path.write_text("\x1b[2J" + "9" * 10_000)),
    "FORMAT is binary": spoil("FORMAT", lambda path: path.write_bytes(b"\xff\xfe")),
    "a ledger's line": add_line("ledger.jsonl", "{}"),
    "a ledger's deep line": add_line("ledger.jsonl", '{"scores":' + "[" * 100_000),
    "a ledger's edit": spoil("ledger.jsonl", rewrite("moons", "rings")),
    "a ledger in a folder": spoil("ledger.jsonl", make_folder),
    "a plan's line": add_line("plans.jsonl", "[]"),
    "a plan's edit": spoil("plans.jsonl", rewrite('"seed":1', '"seed":0')),
    "plans in a folder": spoil("plans.jsonl", make_folder),
}
BOTH = {f"tuned.json: {name}": change for name, change in TUNED.items()} | OTHERS
REPORT_ALONE = {
    "a look": add_line("looks.jsonl", '{"suite": "../x"}'),
    "looks": spoil("looks.jsonl", make_folder),
    "a timing": write("timing.json", lambda _: {"format": 4, "rows": [{}], "machine": {}}),
    "a frozen plan": write("frozen_plan.json", lambda _: {"format": 4}),
    "experiments": write("experiments.json", lambda _: {"format": 4, "cells": [{"path": "/"}]}),
}


SOUND_ALONE = ("fewer β", "other settings", "other parts", "another ρ")
"""What only a run can tell, which knows what was asked for."""


def check_sentence(told):
    assert "\x1b" not in told.mistake
    assert len(told.mistake) < 700


@pytest.mark.parametrize("kind", BOTH)
def test_run_and_report_refuse_a_malformed_file_alike(bench, copied, kind):
    BOTH[kind](copied)
    check_sentence(bench("run", *SWG, *flags(copied)))
    check_sentence(bench("report", *flags(copied)[:2]))


@pytest.mark.parametrize("kind", REPORT_ALONE)
def test_report_refuses_what_it_alone_reads(bench, copied, kind):
    REPORT_ALONE[kind](copied)
    check_sentence(bench("report", *flags(copied)[:2]))
    assert bench("run", *SWG, *flags(copied)).code == 0


@pytest.mark.parametrize("kind", [kind for kind in NO_RESULT if kind not in SOUND_ALONE])
def test_report_refuses_what_is_no_result(bench, copied, kind):
    NO_RESULT[kind](one_of(copied))
    check_sentence(bench("report", *flags(copied)[:2]))
