"""README's picture is made by `studies/screenshot.py` from the page of the kept results."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("selenium.webdriver", reason="Selenium, which drives the browser, is not installed")
_LACKING = any(shutil.which(name) is None for name in ("chromium", "chromedriver"))


def read_size(picture: Path) -> tuple[int, int]:
    """Width and height, from the first chunk of a PNG."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_the_picture_of_readme_is_as_wide_as_the_page():
    assert read_size(ROOT / "docs" / "maze2d.png")[0] == 1280


@pytest.mark.slow
@pytest.mark.skipif(_LACKING, reason="no Chromium with its driver: apt-get install chromium chromium-driver")
def test_the_picture_is_of_the_scores_in_the_page(tmp_path: Path):
    out = tmp_path / "picture.png"
    subprocess.run([sys.executable, ROOT / "studies" / "screenshot.py", "--out", out], check=True)
    width, height = read_size(out)
    assert width == 1280
    assert 300 < height < 1500
