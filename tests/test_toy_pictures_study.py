"""The picture of distances on the toy sets is drawn from its page's table, in the colours of the methods."""

import io

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from study_scripts import STUDIES, load_study

from reports.figures.style import GREEN, STYLES

study = load_study("toy_pictures")
PAGE = study.PAGE.read_text(encoding="utf-8")


def count_pixels(picture: np.ndarray, colour: str) -> int:
    """How many pixels of a picture have exactly that colour."""
    wanted = np.round(255 * np.array(matplotlib.colors.to_rgb(colour)))
    return int((np.round(255 * picture[..., :3]) == wanted).all(axis=-1).sum())


def test_the_marks_are_the_numbers_of_the_table():
    """Six methods at four β on six sets and their mean; three cells read by eye."""
    marks = study.read_marks(PAGE)
    assert len(marks) == 7 * 6 * 4
    assert list(dict.fromkeys(marks["task"]))[-1] == "geometric mean"
    at = marks.set_index(["task", "variant", "beta"])[["value", "lower", "upper"]]
    assert at.loc[("8gaussians", "swg", 20.0)].tolist() == [74.5, 41.1, 135.3]
    assert at.loc[("rings", "ddice", 10.0)].tolist() == [2.3, 1.9, 2.8]
    assert at.loc[("geometric mean", "unguided", 0.0)].tolist() == [3.4, 3.0, 3.8]


@pytest.mark.parametrize("page", ["no table", PAGE.replace("74.5 [41.1, 135.3]", "–")])
def test_another_page_is_refused(page):
    with pytest.raises(ValueError, match=r"no table that begins at|no number with an interval"):
        study.read_marks(page)


def test_the_kept_picture_and_a_new_one_have_the_methods_colours():
    """In the first ones cep was green."""
    kept = matplotlib.image.imread(STUDIES.parent / "docs" / "exactness.png")
    made = matplotlib.image.imread(io.BytesIO(study.draw_picture(PAGE)))
    assert kept.shape == made.shape
    for picture in (kept, made):
        for method in ("unguided", "swg", "cep", "ddice", "dps"):
            assert count_pixels(picture, STYLES[method].colour) > 100, method
        assert count_pixels(picture, GREEN) == 0
