"""Command lines at random: commands, their options, and values that they may not have been made for."""

import contextlib
import dataclasses
import errno
import io

from hypothesis import strategies as st

from bench.cli.arguments import parse
from bench.cli.data_options import DATA_COMMANDS
from bench.cli.options import COMMANDS

from .mutations import TEXTS

VALUES = (
    "maze2d", "toy", "moons", "maze2d-umaze", "swg", "swg,cep", "unguided", "smoke", "quick", "paper",
    "controlled", "as-published", "0", "-1", "3", "0,1", "7-9", "7,", "1e9", "1e999", "nan", "inf", "9" * 30,
    "9" * 5000, "٣", "1_0", "local", "file:x", "d4rl:v9", "exponential:inverse_temperature=3", "linex:alpha=",
    "None", "True", "{}", "[]", "--", "-", "=", "candidates=16", "cep", "idql", "ρ", "x" * 500, "swg-table3",
    "fair", "../x", "\x1b[2J", "a\nb",
)  # fmt: skip
SETTINGS = (
    "critic.steps", "critic.expectile", "critic.width", "denoiser.blocks", "denoiser.precision", "sampler.steps",
    "swg.weight", "swg.candidates", "cep.support", "idql.candidates", "evaluation.episodes", "data-set.seed",
    "data-set.transitions", "equal.candidates", "evaluation.inverse-temperatures", "guidance-net.width", "equal",
    "critic", "swg", "nothing.here", "critic.steps.x", "critic_steps", "help", "help-all", "plugin",
)  # fmt: skip


def list_options(command: str) -> list[str]:
    """The names of a command's options as flags."""
    options = COMMANDS.get(command) or DATA_COMMANDS.get(command.removeprefix("data "))
    return [field.name.replace("_", "-") for field in dataclasses.fields(options)] if options is not None else []


@st.composite
def make_words(draw: st.DrawFn) -> list[str]:
    """A command with up to six options, values and other words."""
    command = draw(
        st.sampled_from([*COMMANDS, *(f"data {name}" for name in DATA_COMMANDS), "data", "help", "runn", ""])
    )
    words, own = command.split(" "), list_options(command)
    texts = TEXTS.map(lambda text: text.replace("\0", ""))  # no shell passes a NUL on
    values = st.one_of(st.sampled_from(VALUES), texts)
    for _ in range(draw(st.integers(0, 6))):
        match draw(st.integers(0, 7)):
            case 0:
                words.append(draw(values))
            case 1:
                words.insert(
                    draw(st.integers(0, len(words))), f"--{draw(st.sampled_from(SETTINGS))}={draw(values)}"
                )
            case 2 | 3:
                words += [f"--{draw(st.sampled_from(SETTINGS))}", draw(values)]
            case _ if own:
                words += [f"--{draw(st.sampled_from(own))}", draw(values)]
            case _:
                words.append(f"--{draw(texts)}")
    return words


def parse_quietly(words: list[str]) -> None:
    """Read a command line as `python -m bench` does; what is printed is dropped.

    Raises:
        AssertionError: it ends with another exit status than 0 or 2.
    """
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            parse(words)
        except SystemExit as stop:
            code = stop.code
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # of which `bench.cli.main` makes a sentence
                raise
    assert code in (0, 2, None), f"exit status {code}"
