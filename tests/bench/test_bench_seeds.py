"""Seeds as they are typed: a count, a list, a range, or one."""

import numpy as np
import pytest
from command_line import TOY

from bench.config.values import read_seeds
from bench.storage.components import ComponentStore
from foundation.errors import UserError


@pytest.mark.parametrize(
    ("typed", "seeds"),
    [
        ("5", (0, 1, 2, 3, 4)),
        (5, (0, 1, 2, 3, 4)),
        (np.int64(1), (0,)),
        ("7,", (7,)),
        ("7-9", (7, 8, 9)),
        ("7-7", (7,)),
        (" 0-1, 5 ", (0, 1, 5)),
        ("9,0-1,", (9, 0, 1)),
        ([7], (7,)),
        ("0-999", tuple(range(1000))),
        (str(2**63 - 1) + ",", (2**63 - 1,)),
    ],
)
def test_seeds_are_read(typed, seeds):
    assert read_seeds(typed) == seeds


@pytest.mark.parametrize(
    "typed",
    [
        "", ",", "-", "7-", "-7", "9-7", "1-2-3", "7,,8", "0-1000", "1001", "0-99999999999999", "9" * 5000,
        "9" * 4200 + ",", pytest.param(10**5000, id="5,001 digits"), "1,1", "0-3,2", "1.5", "7;",
        list(range(1001)), [2**63], [-1],
    ],
)  # fmt: skip
def test_what_are_no_seeds_is_one_short_sentence(typed):
    with pytest.raises(UserError, match=r"^seeds .*(7-9|from 0 to)") as caught:
        read_seeds(typed)
    assert len(str(caught.value)) < 300


def test_a_hundred_seeds_are_one_command(bench, fresh, tmp_path):
    """All of them train in one loop, whose checkpoint is named by a hash of the seeds."""
    told = bench("plan", *TOY, "--methods", "unguided", "--seeds", "100", *fresh)
    assert told.code == 0, told.err
    assert "moons: 100 results (unguided); 0 finished" in told.out
    assert f"seeds {', '.join(map(str, range(100)))}\n" in told.out
    for seeds in (range(100), range(1000)):
        checkpoint = ComponentStore(tmp_path).checkpoint("behaviour-0123456789abcdef", seeds, print)
        checkpoint.write(b"a state")
        assert len(checkpoint.path.name) < 50
