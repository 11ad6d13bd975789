"""A robot's policies by the part that they play in D4RL's recipe, as `choose.py` wrote them."""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file

from suites.errors import DataError
from suites.recipes.policies.actor import Actor, Policy, Uniform, from_tensors

FOLDER = Path(__file__).parent
EARLIER = "earlier-"  # and a number, from 1: the checkpoints on the way to medium


@dataclass(frozen=True)
class Chosen:
    """The policies of one robot.

    Attributes:
        earlier: those met on the way to medium, in order; the untrained one first.
        medium: about a third of the expert's score.
        expert: the best.
    """

    earlier: tuple[Policy, ...]
    medium: Actor
    expert: Actor


def chosen(robot: str, folder: Path = FOLDER) -> Chosen:
    """The policies of a robot.

    Raises:
        DataError: they have not been trained, or their file is damaged.
    """
    path = folder / f"{robot}.safetensors"
    if not path.is_file():
        raise DataError(
            f"local data of {robot} cannot be made: its policies are not there ({path.name}); train them with "
            f"`python suites/recipes/policies/train.py --robot {robot}` and then "
            f"`python suites/recipes/policies/choose.py`, or choose other data, such as --data d4rl"
        )
    try:
        tensors = load_file(path)
        expert, medium = (from_tensors(tensors, role) for role in ("expert", "medium"))
        number = len({name.split(".")[0] for name in tensors if name.startswith(EARLIER)})
        earlier = [from_tensors(tensors, f"{EARLIER}{index}") for index in range(1, number + 1)]
    except (OSError, KeyError, IndexError, SafetensorError) as error:
        raise DataError(f"policies in {path} cannot be read ({error}); restore that file") from error
    untrained = Uniform(expert.layers[-1][1].size // 2)
    return Chosen(earlier=(untrained, *earlier), medium=medium, expert=expert)
