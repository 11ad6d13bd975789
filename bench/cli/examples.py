"""The examples below each command's help."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "run --suite locomotion --methods swg,cep",
        "run --suite maze2d --tasks maze2d-umaze --preset smoke --seeds 0,3,7",
        "run --suite maze2d --methods swg --rho 1,5,10 --critic.steps 20000",
        "run --suite toy --methods swg --swg.weight exponential:inverse_temperature=3",
        "run --experiment swg-table8 --tasks hopper-medium-v2 --data local",
    ),
    "plan": (
        "plan --suite maze2d --preset quick",
        "plan --suite maze2d --protocol fair --freeze plan.json --primary swg,cep",
    ),
    "tune-rho": (
        "tune-rho --suite maze2d --methods swg,cep --preset quick",
        "tune-rho --suite maze2d --methods swg --search tpe --trials 20 --seeds 100,101",
        "tune-rho --suite maze2d --tasks maze2d-umaze --methods swg --grid 1,5,10",
    ),
    "tune": (
        "tune --suite maze2d --methods idql,ddice --preset quick",
        "tune --suite maze2d --methods swg,cep --training --trials 20 --processes 2",
        "tune --protocol fair --suite maze2d --preset quick --ranges candidates=1:16",
    ),
    "time": (
        "time --suite maze2d --preset paper",
        "time --suite locomotion --methods unguided,swg --batches 1,256 --calls 100 --device cuda",
        "time --suite locomotion --tasks hopper-medium-v2 --sweep depth",
    ),
    "report": (
        "report",
        "report --results results --baseline unguided --methods unguided,swg,cep",
        "report --export parquet",
        "report --watch --every 120",
        "report --compare results-old results-new",
    ),
    "watch": ("watch", "watch --once", "watch --results /shared/results --artifacts /shared/artifacts --every 30"),
    "render": (
        "render maze2d-umaze swg 0 --episode 3",
        "render hopper-medium-v2 swg 0 --rho 5 --out hopper.mp4 --width 640",
    ),
    "merge": ("merge results-a results-b --to results",),
    "publish": (
        "publish results --to site",
        "publish results --to site --name ours --note maze2d",
        "publish --check site",
    ),
    "import-checkpoint": (
        "import-checkpoint swg-jax --suite locomotion --tasks hopper-medium-v2 --name authors "
        "--denoiser-file actor.npz",
        "import-checkpoint idql --suite locomotion --tasks hopper-medium-v2 --name authors --seed 3 "
        "--denoiser-file actor.npz --critic-file critic.npz --value-file value.npz",
    ),
    "clean": ("clean", "clean --results results --results other-results --remove"),
    "check-method": ("check-method path/to/mine.py",),
    "doctor": ("doctor", "doctor --suite maze2d --artifacts /scratch/artifacts"),
    "check-suite": ("check-suite path/to/my_suite.py", "check-suite maze2d"),
    "list": (
        "list",
        "list methods",
        "list method swg",
        "list method cep --task antmaze-umaze --preset quick",
        "list experiments",
        "list methods --plugin mine.py",
    ),
    "data list": ("data list", "data list antmaze"),
    "data fetch": ("data fetch hopper-medium-v2", "data fetch antmaze --data d4rl:v0", "data fetch kitchen"),
    "data make": ("data make maze2d-umaze", "data make maze2d --transitions 100000 --seed 3"),
    "data import": ("data import ~/Downloads/hopper_medium-v2.hdf5 --task hopper-medium-v2",),
    "data info": (
        "data info maze2d-umaze --transitions 100000",
        "data info pen-human --data d4rl:v0",
        "data info my-task --plugin my_suite.py",
    ),
    "data check": ("data check", "data check mine.hdf5", "data check mine.hdf5 --task hopper-medium-v2"),
}
