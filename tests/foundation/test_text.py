"""What makes text from files harmless."""

from foundation.text import shorten_words


def test_words_that_no_name_has_are_shortened():
    long = f"a file {'x' * 100_000}y is no result"
    assert shorten_words(long) == f"a file {'x' * 500}…{'x' * 249}y is no result"
    assert shorten_words("/" + "x" * 999) == "/" + "x" * 999
