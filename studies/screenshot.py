"""Makes README's picture, `docs/maze2d.png`: the scores in the report's page of what `make bench` ran, kept here.

    .venv/bin/python studies/screenshot.py                  rewrites docs/maze2d.png
    .venv/bin/python studies/screenshot.py --out FILE       writes it elsewhere

The page is made again from `studies/kept/bench.tar.xz` and opened in a light theme, in a window of 1280 pixels.
The same browser and fonts give the same bytes; others do not, so nothing compares them. It needs Debian's
`chromium` and `chromium-driver`, and Selenium.
"""

import argparse
import base64
import shutil
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from tables import ROOT, lay_out

sys.path.insert(0, str(ROOT))

from foundation.files import write_atomically

NAME, SECTION, WIDTH = "bench", "maze2d-scores", 1280
_PATIENCE = 120.0  # seconds until the page has drawn its charts
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")
_FIND_PLACE = """
const top = document.getElementById(arguments[0]), figure = document.querySelector(`#${arguments[0]} ~ figure`);
return [top.getBoundingClientRect().top + scrollY, figure.getBoundingClientRect().bottom + scrollY];
"""
_MARGIN = 16  # pixels above and below


def start_browser() -> webdriver.Chrome:
    """A browser without a window, with the light theme and the picture's width."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
    size = {"width": WIDTH, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return browser


def take_picture(page: Path, section: str) -> bytes:
    """The section's heading, text, tables and first figure as PNG, as wide as the window.

    Args:
        page: of a report.
        section: id of the heading.

    Raises:
        TimeoutError: the charts are not drawn in two minutes.
    """
    browser = start_browser()
    try:
        browser.get(page.resolve().as_uri())
        end = time.monotonic() + _PATIENCE
        while not browser.execute_script("return document.documentElement.dataset.ready"):
            if time.monotonic() > end:
                raise TimeoutError(f"{page} has not drawn its charts in {_PATIENCE:g} s")
            time.sleep(0.1)
        top, bottom = browser.execute_script(_FIND_PLACE, section)
        place = {"x": 0, "y": top - _MARGIN, "width": WIDTH, "height": bottom - top + 2 * _MARGIN, "scale": 1}
        asked = {"format": "png", "captureBeyondViewport": True, "clip": place}
        return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])
    finally:
        browser.quit()


def main() -> None:
    """Make the page and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "maze2d.png", help="the picture")
    options = parser.parse_args()
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if lacking:
        parser.error(f"{' and '.join(lacking)} not found: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory() as scratch:
        page = lay_out(NAME, Path(scratch)) / NAME / "report" / "index.html"
        picture = take_picture(page, SECTION)
    write_atomically(options.out, picture)
    print(f"{options.out}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
