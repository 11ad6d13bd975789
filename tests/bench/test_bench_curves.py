"""Learning curves are thinned to means of equal bins, by numbers worked by hand."""

import math

import pytest

from bench.storage.curves import thin_curve


def write_curve(rows: int) -> str:
    """Losses 1, 2, 3, ... at steps 10, 20, 30, ..., with a learning rate that stays."""
    lines = [f"{10 * n},{n},0.5,{n / 4}" for n in range(1, rows + 1)]
    return "\n".join(["step,loss,learning_rate,seconds", *lines]) + "\n"


def test_a_short_curve_is_kept_as_it_is():
    curve = thin_curve(write_curve(3))
    assert curve.steps == (10, 20, 30)
    assert curve.seconds == (0.25, 0.5, 0.75)
    assert curve.values == {"loss": (1.0, 2.0, 3.0), "learning_rate": (0.5, 0.5, 0.5)}
    assert curve.rows == 3


def test_bins_hold_equally_many_rows_and_the_last_what_is_left():
    curve = thin_curve(write_curve(205))  # 3 rows a bin: 68 of them, and one of the last row alone
    assert len(curve.steps) == 69
    assert curve.steps[:2] == (30, 60)
    assert curve.steps[-2:] == (2040, 2050)
    assert curve.values["loss"][:2] == (2.0, 5.0)
    assert curve.values["loss"][-2:] == (203.0, 205.0)
    assert curve.seconds[0] == 0.75
    assert curve.rows == 205


def test_a_thousand_rows_make_a_hundred_bins():
    curve = thin_curve(write_curve(1000))
    assert len(curve.steps) == 100
    assert curve.values["loss"][0] == 5.5


def test_a_bin_with_a_number_that_is_not_finite_has_no_mean():
    curve = thin_curve("step,loss,norm,seconds\n1,nan,1,0.1\n2,inf,2,0.2\n3,3,,0.3\n")
    assert all(map(math.isnan, curve.values["loss"][:2]))
    assert curve.values["loss"][2] == 3.0
    assert math.isnan(curve.values["norm"][2])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("step,loss,seconds\n", "no rows"),
        ("step,loss\n1,2\n", "no columns"),
        ("step,loss,seconds\n1,2\n", "more or fewer fields"),
        ("step,loss,seconds\n1,2,3,4\n", "more or fewer fields"),
        ("step,loss,seconds\n1,x,3\n", "could not convert"),
        ("step,loss,seconds\n1,2,0.1\n1,2,0.2\n", "do not rise"),
    ],
)
def test_what_is_no_curve_is_refused(text: str, words: str):
    with pytest.raises(ValueError, match=words):
        thin_curve(text)
