"""`import-checkpoint`: the authors' networks compute what their flax modules do, and results say that they do."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import Call
from flax_networks import (
    Tree,
    draw_denoiser,
    draw_q,
    draw_v,
    evaluate_q,
    evaluate_v,
    predict_noise,
    sample_swg,
    save,
)

import bench as harness
from bench.config.comparison import Comparison, find_jobs
from bench.runner.data import make_setup
from bench.runner.import_checkpoint import LAYOUTS
from bench.storage.components import ComponentStore
from methods.diffusion.networks.flax_paths import name_denoiser
from reports.load.schema import FORMAT
from training import SeedStreams
from training.flax_tree import read_tree, write_tree

OBSERVATIONS, ACTIONS, WIDTH = 4, 2, 16
SIZES = {"denoiser.width": WIDTH, "denoiser.frequencies": 4, "denoiser.level_features": 8, "critic.width": WIDTH}
FLAGS = [word for name, size in SIZES.items() for word in (f"--{name.replace('_', '-')}", size)]
DATA = ("--data", "local", "--data-set.transitions", 10_000)
TASK = ("--suite", "maze2d", "--tasks", "maze2d-umaze", *DATA, *FLAGS)
PUBLISHED = ("--preset", "official", "--terms", "as-published")
RUN = (*PUBLISHED, "--seeds", "7,", "--evaluation.episodes", 1, "--device", "cpu")
STATES = np.random.default_rng(3).uniform(-2, 2, (32, OBSERVATIONS))


@pytest.fixture
def trees() -> dict[str, Tree]:
    sizes: dict[str, Any] = {"width": WIDTH, "frequencies": 4, "features": 8}
    return {
        "swg-jax": draw_denoiser(0, OBSERVATIONS, ACTIONS, True, **sizes),
        "idql": draw_denoiser(1, OBSERVATIONS, ACTIONS, False, **sizes),
        "q": draw_q(2, OBSERVATIONS, ACTIONS, WIDTH, "VmapStateActionValue_0"),
        "v": draw_v(3, OBSERVATIONS, WIDTH),
    }


@pytest.fixture
def files(trees: dict[str, Tree], tmp_path: Path) -> dict[str, Path]:
    """One of them with flax's `params` above all paths."""
    roots = {"idql": "params/"}
    return {name: save(tree, tmp_path / f"{name}.npz", roots.get(name, "")) for name, tree in trees.items()}


def import_swg(bench: Call, file: Path, *more: object):
    return bench(
        "import-checkpoint", "swg-jax", *TASK, "--name", "theirs", "--seed", 7, "--denoiser-file", file, *more
    )


def import_idql(bench: Call, files: dict[str, Path], *more: object):
    of_critic = ("--critic-file", files["q"], "--value-file", files["v"])
    return bench(
        "import-checkpoint", "idql", *TASK, "--name", "theirs", "--seed", 7, "--denoiser-file", files["idql"],
        *of_critic, *more,
    )  # fmt: skip


def read_result(results: Path) -> dict[str, Any]:
    (file,) = (results / "runs").rglob("seed-7.json")
    return json.loads(file.read_text())


def load_module(part: str, method: str, artifacts: Path, label: str) -> Any:
    """A component's module, filled from the artifacts, by the settings of these tests."""
    named = Comparison(
        suite="maze2d", tasks=("maze2d-umaze",), methods=(method,), preset="official", terms="as-published",
        settings={**SIZES, "critic.imported": "theirs", "denoiser.imported": "theirs"},
    )  # fmt: skip
    (job,) = find_jobs(named)
    setup = make_setup(job.task, job.config, (-1.0,) * ACTIONS, (1.0,) * ACTIONS)
    component = job.methods[method].components(setup)["denoiser"] if part == "denoiser" else setup.critic()
    return ComponentStore(artifacts).load(label, component.build(SeedStreams([7], "test")), [7])


def find_labels(artifacts: Path) -> dict[str, str]:
    """Kind to label of what was imported."""
    found = {}
    for file in (artifacts / "components").glob("*/seed-7.json"):
        if "imported" in json.loads(file.read_text()):
            found[file.parent.name.rpartition("-")[0]] = file.parent.name
    return found


@pytest.mark.parametrize(("layout", "levels"), [("swg-jax", 15), ("idql", 5)])
def test_an_imported_denoiser_computes_what_its_flax_module_does(bench, artifacts, trees, files, layout, levels):
    told = import_swg(bench, files["swg-jax"], "--artifacts", artifacts) if layout == "swg-jax" else import_idql(
        bench, files, "--artifacts", artifacts
    )  # fmt: skip
    assert told.code == 0, told.err
    kind, method = LAYOUTS[layout].kind, LAYOUTS[layout].method
    module = load_module("denoiser", method, artifacts, find_labels(artifacts)[kind])
    channels = ACTIONS + (layout == "swg-jax")
    z = np.random.default_rng(5).standard_normal((len(STATES), channels))
    given = torch.from_numpy(z).float()[None], torch.from_numpy(STATES).float()[None]
    for level in range(levels):
        ours = module.predict_noise(given[0], level, given[1])[0].numpy()
        theirs = predict_noise(trees[layout], STATES, z, level)
        assert np.abs(theirs).max() > 0.5
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_an_imported_critic_computes_what_its_flax_modules_do(bench, artifacts, trees, files):
    assert import_idql(bench, files, "--artifacts", artifacts).code == 0
    module = load_module("critic", "idql", artifacts, find_labels(artifacts)["critic"])
    rng = np.random.default_rng(6)
    scale = np.array([1.0, 1e-3, 3e-3, 10.0])  # of small states, so that ε of the LayerNorm counts
    actions, small = rng.uniform(-1, 1, (len(STATES), ACTIONS)), 1e-3 * scale * STATES
    s, a = (torch.from_numpy(each).float()[None] for each in (small, actions))
    np.testing.assert_allclose(module.q(s, a)[0].numpy(), evaluate_q(trees["q"], small, actions), atol=1e-5)
    np.testing.assert_allclose(module.trained_q(s, a)[0].numpy(), module.q(s, a)[0].numpy(), atol=0)
    expected = evaluate_v(trees["v"], small.astype(np.float32).astype(float))
    np.testing.assert_allclose(module.v(s)[0].numpy(), expected, atol=1e-5)


@pytest.mark.usefixtures("short_episodes")
def test_run_evaluates_an_import_and_its_actions_are_those_of_the_authors_sampler(
    bench, artifacts, trees, files, tmp_path
):
    assert import_swg(bench, files["swg-jax"], "--artifacts", artifacts).code == 0
    folders = ("--results", tmp_path / "results", "--artifacts", artifacts)
    told = bench("run", *TASK, *RUN, "--methods", "swg", "--rho", "0,3", "--denoiser.imported", "theirs", *folders)
    assert told.code == 0, told.err
    assert "to train" not in told.out, "the critic that made the authors' weights is not trained here"
    moved = []
    for rho in (0, 3):
        policy = harness.load_policy(tmp_path / "results", "maze2d-umaze", "swg", 7, rho=rho, artifacts=artifacts)
        found = policy.act(STATES.astype(np.float32))
        expected = sample_swg(trees["swg-jax"], STATES.astype(np.float32).astype(float), ACTIONS, 15, rho)
        np.testing.assert_allclose(found, expected, atol=1e-4)  # through 15 levels in single precision
        moved.append(expected)
    assert np.abs(moved[1] - moved[0]).mean() > 0.01, "guidance moves the actions that are compared"


@pytest.mark.usefixtures("short_episodes")
def test_results_and_report_say_what_was_imported(bench, artifacts, files, tmp_path):
    assert import_idql(bench, files, "--artifacts", artifacts).code == 0
    results = tmp_path / "results"
    folders = ("--results", results, "--artifacts", artifacts)
    names = ("--denoiser.imported", "theirs", "--critic.imported", "theirs")
    assert bench("run", *TASK, *RUN, "--methods", "idql", "--idql.candidates", 2, *names, *folders).code == 0
    result = read_result(results)
    assert result["config"]["denoiser.imported"] == result["config"]["critic.imported"] == "theirs"
    assert result["seconds"]["train"] == 0
    records = {file.parent.name: json.loads(file.read_text()) for file in results.glob("components/*/seed-7.json")}
    assert set(records) == set(result["components"].values())
    hashes = {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in files}
    for label, record in records.items():
        of = {"denoiser": hashes["idql"]} if label.startswith("behaviour") else {
            "critic": hashes["q"], "value": hashes["v"],
        }  # fmt: skip
        assert record["imported"] == {"name": "theirs", "layout": "idql", "files": of}
        assert record["steps"] is record["seconds_per_seed"] is record["curve"] is None
        assert record["upstream"] == {}
    assert bench("report", "--results", results).code == 0
    report = (results / "report" / "report.md").read_text()
    assert "idql critic.imported=theirs denoiser.imported=theirs" in report
    assert "trained elsewhere" in report.split("## maze2d")[0], "a warning at the top"
    assert all(digest in report for digest in (hashes["idql"], hashes["q"], hashes["v"]))


def test_an_import_is_never_mistaken_for_a_trained_component(bench, artifacts, files, tmp_path):
    assert import_swg(bench, files["swg-jax"], "--artifacts", artifacts).code == 0
    folders = ("--results", tmp_path / "results", "--artifacts", artifacts)
    of_import = bench(
        "plan", *TASK, *RUN, "--methods", "swg", "--denoiser.imported", "theirs", *folders, "--rho", "0"
    )
    assert "to train" not in of_import.out
    steps = ("--denoiser.steps", 3, "--critic.steps", 3)
    trained = bench("plan", *TASK, *RUN, "--methods", "swg", *folders, *steps, "--rho", "0")
    assert trained.out.count("to train: joint") == 1
    assert find_labels(artifacts)["joint"] not in trained.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--methods", "swg", "--denoiser.imported", "others"), "is no import of that name for joint of seed 7"),
        (("--methods", "swg", "--critic.imported", "others"), "is no import of that name for critic of seed 7"),
        (("--methods", "unguided", "--critic.imported", "theirs"), "unguided, which has no critic that can"),
        (("--methods", "dql", "--denoiser.imported", "theirs"), "is not for dql, whose"),
        (("--methods", "td3-bc", "--critic.imported", "theirs"), "td3-bc, which has no critic"),
        (("--methods", "dql", "--denoiser.imported", "theirs", "--dql.critic", "q-learning"), "a loss of its own"),
        (("--methods", "swg", "--denoiser.imported", "No Name"), "'No Name' is no name of an import"),
    ],
)  # fmt: skip
def test_a_run_refuses_an_import_that_is_not_there_or_not_used(bench, artifacts, tmp_path, options, said):
    told = bench("run", *TASK, *RUN, *options, "--results", tmp_path / "results", "--artifacts", artifacts)
    assert said in told.mistake


def without(tree: Tree, path: str) -> Tree:
    return {name: array for name, array in tree.items() if name != path}


LEAVE = "MLPResNet_mod_0/Dense_1/kernel"
FAULTS = {
    "missing": (lambda tree: without(tree, "MLP_0/Dense_1/bias"), "lacks 'MLP_0/Dense_1/bias'"),
    "extra": (
        lambda tree: {**tree, "MLP_0/Dense_2/bias": np.zeros(3, np.float32)},
        "has 'MLP_0/Dense_2/bias' beside",
    ),
    "shape": (
        lambda tree: {**tree, "MLP_0/Dense_0/bias": np.zeros(9, np.float32)},
        "has 'MLP_0/Dense_0/bias' of shape (9,), expected (8,)",
    ),
    "type": (
        lambda tree: {**tree, LEAVE: tree[LEAVE].astype(np.float16)},
        f"has '{LEAVE}' as float16, expected float32",
    ),
    "finite": (
        lambda tree: {**tree, LEAVE: np.where(tree[LEAVE] == tree[LEAVE].max(), np.nan, tree[LEAVE])},
        f"has '{LEAVE}' with 1 of 32 values not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(bench, artifacts, trees, tmp_path, fault):
    change, said = FAULTS[fault]
    file = save(change(trees["swg-jax"]), tmp_path / "faulty.npz")
    mistake = import_swg(bench, file, "--artifacts", artifacts).mistake
    assert said in mistake
    assert str(file) in mistake


@pytest.mark.parametrize(
    ("observations", "actions", "said"),
    [(5, 2, "is of 5 observations and 2 actions, and this task has 4 and 2"),
     (4, 3, "is of 4 observations and 3 actions, and this task has 4 and 2")],
)  # fmt: skip
def test_a_network_of_another_task_is_refused(bench, artifacts, tmp_path, observations, actions, said):
    tree = draw_denoiser(0, observations, actions, True, WIDTH, 4, 8)
    assert said in import_swg(bench, save(tree, tmp_path / "other.npz"), "--artifacts", artifacts).mistake


def test_critics_of_another_task_are_refused(bench, artifacts, trees, files, tmp_path):
    other = {**files, "q": save(draw_q(2, 5, 2, WIDTH, "VmapQ_Model_0"), tmp_path / "other.npz")}
    assert "is of 7 observations and actions together, and this task has 6" in (
        import_idql(bench, other, "--artifacts", artifacts).mistake
    )
    other = {**files, "v": save(draw_v(2, 5, WIDTH), tmp_path / "another.npz")}
    assert (
        "is of 5 observations, and this task has 4" in import_idql(bench, other, "--artifacts", artifacts).mistake
    )


def test_what_is_named_wrongly_is_refused(bench, artifacts, trees, files, tmp_path):
    command = ("import-checkpoint", "swg-jax", *TASK, "--name", "theirs", "--artifacts", artifacts)
    text = tmp_path / "text.npz"
    text.write_text("no archive")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, a=np.array([{}], dtype=object))
    of_swg = (*command, "--denoiser-file", files["swg-jax"])
    of_critic = ("--critic-file", files["q"], "--value-file", files["v"])
    toy = ("--suite", "toy", "--tasks", "moons", "--data-set.transitions", 1_000, "--artifacts", artifacts)
    for words, said in (
        (("import-checkpoint", "swg", *TASK, "--name", "theirs"), "unknown value of LAYOUT 'swg'"),
        (command, "nothing is named to import"),
        ((*command, "--critic-file", files["q"]), "--critic-file comes with --value-file"),
        ((*command, "--denoiser-file", tmp_path / "none.npz"), "there is no file"),
        ((*command, "--denoiser-file", text), "cannot be read"),
        ((*command, "--denoiser-file", pickled), "Python objects"),
        ((*command, "--denoiser-file", files["idql"]), "lacks 'MLPResNet_mod_0/Dense_0/bias'"),
        ((*of_swg, "--denoiser.first-level", 1), "denoiser.first_level=1"),
        ((*of_swg, "--swg.weight-head", "last"), "read the weight after block"),
        ((*of_swg, "--methods", "idql"), "idql has one of kind behaviour"),
        ((*of_swg, "--seed", -1), "seed -1"),
        (("import-checkpoint", "idql", *toy, "--name", "theirs", *of_critic), "task moons has a known Q"),
    ):
        assert said in bench(*words).mistake
    with pytest.raises(harness.UserError, match="unknown layout 'swg'"):
        harness.import_checkpoint("swg", name="theirs")  # pyright: ignore[reportArgumentType]


def test_the_same_files_again_change_nothing_and_others_are_refused(bench, fresh, trees, files, tmp_path):
    on = fresh[2:]
    first = import_swg(bench, files["swg-jax"], *on)
    assert ": imported;" in first.out
    (file,) = (tmp_path / "artifacts" / "components").glob("joint-*/seed-7.safetensors")
    content = file.read_bytes()
    again = import_swg(bench, files["swg-jax"], *on)
    assert again.code == 0
    assert ": already there;" in again.out
    other = save({path: array + 1 for path, array in trees["swg-jax"].items()}, tmp_path / "other.npz")
    assert "import theirs of seed 7 is there from other files" in import_swg(bench, other, *on).mistake
    assert file.read_bytes() == content


def test_clean_says_that_no_run_makes_an_import_again(bench, artifacts, files, tmp_path):
    assert import_swg(bench, files["swg-jax"], "--artifacts", artifacts).code == 0
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "FORMAT").write_text(f"{FORMAT}\n")
    told = " ".join(bench("clean", "--results", tmp_path / "results", "--artifacts", artifacts).out.split())
    assert "imported, so that no run makes it again" in told


def test_a_tree_that_is_written_is_the_tree_that_was_read(trees):
    paths = name_denoiser(3, has_weight=True)
    tree = trees["swg-jax"]
    shapes = {
        name: (
            tree[path].shape[::-1] if path.startswith("Fourier")
            else tree[path].shape if path.endswith("kernel")
            else (1, *tree[path].shape)
        )
        for name, path in paths.items()
    }  # fmt: skip
    again = write_tree(read_tree(tree, paths, shapes), paths)
    assert again.keys() == tree.keys()
    for path, array in tree.items():
        np.testing.assert_array_equal(again[path], array)
