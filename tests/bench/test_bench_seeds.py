"""Seeds as they are typed: a count, a list, a range, or one."""

import numpy as np
import pytest

from bench.config.values import read_seeds
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
