"""The report's page in a browser: it draws, sorts, filters, downloads, prints, and reaches for nothing outside."""

import base64
import csv
import io
import shutil
import time
from functools import partial

import numpy as np
import pytest
from browser_pages import HOSTILE, make_blocks, make_curves, make_few_seeds
from synthetic_results import ResultsFolder

from reports.analysis.suite import Options
from reports.render.page.page import render_page
from reports.report import write_report

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="Selenium, which drives the browser, is not installed"
)
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_LACKING = "no Chromium with its driver: apt-get install chromium chromium-driver"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None or DRIVER is None, reason=_LACKING)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The address of a page of all blocks and of a whole report."""
    folder = ResultsFolder(tmp_path_factory.mktemp("results"))
    generator = np.random.default_rng(0)
    scores = {m: generator.normal(mean, 5, (3, 2)) for m, mean in {"unguided": 30.0, "swg": 60.0}.items()}
    folder.add_matrix(scores, ("maze2d-umaze", "maze2d-medium"))
    made = tmp_path_factory.mktemp("page") / "index.html"
    made.write_text(render_page("A report", make_blocks()), encoding="utf-8")
    curves = made.with_name("curves.html")
    curves.write_text(render_page("A report", make_curves()), encoding="utf-8")
    folders = {"report": folder, "few": make_few_seeds(tmp_path_factory.mktemp("few"))}
    for each in folders.values():
        write_report(each.path, each.path / "report", options=Options(replicates=100))
    reports = {name: (each.path / "report" / "index.html").as_uri() for name, each in folders.items()}
    return {"blocks": made.as_uri(), "curves": curves.as_uri(), **reports}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


@pytest.fixture
def browser(started):
    """The browser with a light theme, a wide window and nothing remembered of the test before."""
    emulate(started, "light")
    yield started
    started.execute_script("localStorage.clear()")


def emulate(browser, theme="light", width=1280, media="screen"):
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def open_page(browser, address):
    browser.get("about:blank")  # so that an address which differs in its hash alone is loaded anew
    browser.get_log("browser")
    browser.get(address)
    wait_for(lambda: browser.execute_script("return document.documentElement.dataset.ready"))


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def read_column(browser, table, column):
    cells = browser.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr > :nth-child({column})")
    return [cell.text for cell in cells if cell.is_displayed()]


@pytest.mark.parametrize("page", ["blocks", "report", "few"])
def test_every_figure_is_drawn_and_nothing_is_complained_of_or_loaded(browser, pages, page):
    open_page(browser, pages[page])
    figures = browser.find_elements(By.TAG_NAME, "figure")
    assert len(figures) >= 3
    for figure in figures:
        assert figure.find_elements(By.CSS_SELECTOR, ".chart svg path")
        label = figure.find_element(By.CSS_SELECTOR, ".chart").get_attribute("aria-label")
        assert label == figure.find_element(By.TAG_NAME, "figcaption").get_attribute("textContent")
    assert browser.get_log("browser") == []
    loaded = "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"
    assert browser.execute_script(loaded) == []
    assert browser.execute_script("return window.harmed") is None


def test_a_quantity_that_the_chosen_task_lacks_is_an_empty_panel_without_a_complaint(browser, pages):
    open_page(browser, pages["curves"])

    def count_lines():
        return len(browser.find_elements(By.CSS_SELECTOR, ".chart .mark-line path[stroke-width='2.2']"))

    assert count_lines() == 2
    Select(find(browser, ".chart select")).select_by_value("two")
    wait_for(lambda: count_lines() == 1)
    assert browser.get_log("browser") == []


def test_the_policy_stops_a_script_that_got_into_the_page(browser, pages):
    open_page(browser, pages["blocks"])
    browser.execute_script(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.harmed=1\">')"
    )
    wait_for(lambda: any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser")))
    assert browser.execute_script("return window.harmed") is None


@pytest.mark.parametrize("key", [None, Keys.ENTER])
def test_a_header_sorts_by_the_first_number_with_missing_ones_last(browser, pages, key):
    open_page(browser, pages["blocks"])
    header = find(browser, "#values-table thead th:nth-child(2)")
    button = header.find_element(By.TAG_NAME, "button")

    def press():
        button.send_keys(key) if key else button.click()
        return header.get_attribute("aria-sort"), read_column(browser, "values-table", 1)

    assert press() == ("ascending", ["row 1", "row 4", "row 2", "row 0", "row 5", "row 3"])
    assert press() == ("descending", ["row 5", "row 0", "row 2", "row 4", "row 1", "row 3"])
    assert press() == (None, [f"row {n}" for n in range(6)])


def test_a_long_table_is_filtered(browser, pages):
    open_page(browser, pages["blocks"] + "#wide-table")
    assert browser.find_elements(By.CSS_SELECTOR, "#values-table input") == []
    field = find(browser, "#wide-table input")
    field.send_keys("TASK 7.3")
    assert read_column(browser, "wide-table", 1) == ["task 7"]
    assert find(browser, "#wide-table output").text == "1 of 9 rows"
    browser.execute_script("location.hash = 'wide-table--task-2'")
    wait_for(lambda: len(read_column(browser, "wide-table", 1)) == 9)


def test_rows_sort_within_their_groups_and_are_chosen_by_what_they_are(browser, pages, tmp_path):
    open_page(browser, pages["blocks"] + "#grouped-table")
    shown = partial(read_column, browser, "grouped-table", 1)
    first = f"first {HOSTILE}"
    assert shown() == [first, "swg", "cep", "idql", "second", "swg", "cep"]
    for order in (["swg", "idql", "cep", "second", "swg", "cep"], ["cep", "idql", "swg", "second", "cep", "swg"]):
        find(browser, "#grouped-table thead th:nth-child(2) button").click()
        assert shown() == [first, *order]
    suites, processors = browser.find_elements(By.CSS_SELECTOR, "#grouped-table select")
    assert not suites.is_displayed()  # of one suite there is no choice
    assert [option.text for option in processors.find_elements(By.TAG_NAME, "option")][1:] == [HOSTILE, "a"]
    processors.send_keys("a")
    assert shown() == [first, "idql", "swg", "second", "swg"]
    find(browser, "#grouped-table input").send_keys("idql")
    assert (shown(), find(browser, "#grouped-table output").text) == ([first, "idql"], "1 of 5 rows")
    saved = download(browser, tmp_path, find_button(browser, "#grouped-table", "CSV"))
    assert saved == ("grouped-table.csv", "suite,processor,variant,score\nmaze2d,a,idql,4.0\n")
    link = find(browser, "#grouped-table tbody tr:not([hidden]):not(.group) a")
    assert link.get_attribute("href").endswith("/runs/2/index.html")
    browser.execute_script("location.hash = 'grouped-table--swg'")
    wait_for(lambda: len(shown()) == 7)


def test_an_address_opens_and_marks_its_row(browser, pages):
    open_page(browser, pages["blocks"] + "#wide-table--task-6")
    row = find(browser, "tr:target")
    assert row.find_element(By.TAG_NAME, "th").text == "task 6"
    assert row.is_displayed()
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", row)
    assert 0 <= top < 900
    colours = [browser.execute_script(_COLOUR, find(browser, f"#wide-table--task-{n} td")) for n in (5, 6)]
    assert colours[0] != colours[1]


_COLOUR = "return getComputedStyle(arguments[0]).backgroundColor"


def test_a_cell_unfolds_what_it_is_made_of(browser, pages):
    open_page(browser, pages["blocks"])
    note = find(browser, "#values-table .note")
    assert note.get_attribute("title") == "seed 0: 30.2, seed 1: 33.0"
    note.send_keys(Keys.ENTER)
    said = find(browser, "#values-table .unfolded")
    assert [part.text for part in said.find_elements(By.TAG_NAME, "span")] == ["seed 0: 30.2,", "seed 1: 33.0"]
    assert [line.text for line in said.find_elements(By.TAG_NAME, "div")] == ["seed 0: 1.0, 59.4", HOSTILE]
    assert note.get_attribute("aria-expanded") == "true"
    note.click()
    assert browser.find_elements(By.CSS_SELECTOR, ".unfolded") == []


def download(browser, folder, button):
    """What a press of the button saves: the file's name and text."""
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    before = set(folder.iterdir())
    browser.execute_script("arguments[0].click()", button)
    done = wait_for(lambda: {p for p in folder.iterdir() if p.suffix != ".crdownload"} - before)
    (file,) = done
    wait_for(lambda: file.stat().st_size)
    return file.name, file.read_text(encoding="utf-8")


def find_button(browser, selector, text):
    buttons = browser.find_elements(By.CSS_SELECTOR, f"{selector} .tools button")
    return next(button for button in buttons if button.get_attribute("textContent") == text)


def test_tables_are_downloaded_as_csv_and_latex(browser, pages, tmp_path):
    open_page(browser, pages["blocks"])
    name, text = download(browser, tmp_path, find_button(browser, "#values-table", "CSV"))
    assert name == "values-table.csv"
    assert list(csv.reader(io.StringIO(text))) == [
        ["name", "value", "words"],
        ["row 0", "31.6 ± 1.4", "x"],
        ["row 1", "'-4.2 ± 4.2", "x"],
        ["row 2", "'+0.6 [-1.0, +2.2]", "x"],
        ["row 3", "–", "x"],
        ["row 4", "<0.001", "x"],
        ["row 5", "1,200", "x"],
    ]
    name, text = download(browser, tmp_path, find_button(browser, "#values-table", "LaTeX"))
    assert name == "values-table.tex"
    assert text.splitlines() == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"name & value & words \\",
        r"\midrule",
        r"row 0 & 31.6 $\pm$ 1.4 & x \\",
        r"row 1 & \textbf{-4.2 $\pm$ 4.2} & x \\",
        r"row 2 & +0.6 [-1.0, +2.2] & x \\",
        r"row 3 & -- & x \\",
        r"row 4 & $<$0.001 & x \\",
        r"row 5 & 1,200 & x \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_hostile_cells_are_text_in_downloads(browser, pages, tmp_path):
    open_page(browser, pages["blocks"])
    (table,) = [t["id"] for t in browser.execute_script(_TABLES) if t["name"] == HOSTILE]
    _, text = download(browser, tmp_path, find_button(browser, f"#{table}", "CSV"))
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1] == [HOSTILE, "'=cmd"]
    assert rows[2][1] == "-1.5"
    _, text = download(browser, tmp_path, find_button(browser, f"#{table}", "LaTeX"))
    escaped = r"50 \% of a\_b \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\&\#\$ & -1.5 \\"
    assert escaped in text.splitlines()


_TABLES = "return [...document.querySelectorAll('.table')].map(t => ({id: t.id, name: t.dataset.name}))"


def test_charts_are_downloaded_as_csv_and_svg(browser, pages, tmp_path):
    open_page(browser, pages["blocks"])
    name, text = download(browser, tmp_path, find_button(browser, "figure", "CSV"))
    rows = list(csv.reader(io.StringIO(text)))
    assert (name, rows[0], rows[1], len(rows)) == (
        "points.csv",
        ["task", "variant", "value", "none"],
        ["a", "swg", "0.25", ""],
        10,
    )
    name, text = download(browser, tmp_path, find_button(browser, "figure", "SVG"))
    assert (name, text[:4]) == ("points.svg", "<svg")


def test_a_mark_shows_its_value_on_hover(browser, pages):
    open_page(browser, pages["blocks"])
    marks = browser.find_elements(By.CSS_SELECTOR, ".chart[data-chart=points] .mark-symbol.role-mark path")
    assert len(marks) == 9
    ActionChains(browser).move_to_element(marks[1]).perform()
    shown = wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "#vg-tooltip-element.visible"))
    assert "1.25" in shown[0].text
    assert "cep" in shown[0].text


def test_light_and_dark_differ_and_the_choice_is_remembered(browser, pages):
    def look():
        places = [find(browser, "body"), find(browser, ".chart .role-axis-label text")]
        return [
            browser.execute_script(
                "const s = getComputedStyle(arguments[0]); return [s.backgroundColor, s.color, s.fill]", p
            )
            for p in places
        ]

    open_page(browser, pages["blocks"])
    light = look()
    emulate(browser, "dark")
    dark = look()
    assert light[0][0] == "rgb(255, 255, 255)"
    assert dark[0][0] != light[0][0]
    assert dark[0][1] != light[0][1]
    assert dark[1][2] == dark[0][1] != light[1][2] == light[0][1]  # a chart's words have the colour of the page's
    find(browser, "#theme").click()
    assert look() == light
    open_page(browser, pages["blocks"])
    assert look() == light


@pytest.mark.parametrize("page", ["blocks", "report", "few"])
def test_a_phone_never_scrolls_sideways(browser, pages, page):
    emulate(browser, width=400)
    open_page(browser, pages[page])
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    width, seen = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= seen == 400


def test_panels_stand_below_each_other_where_the_window_gets_narrow(browser, pages):
    def count_places():
        places = browser.execute_script(
            "return [...document.querySelectorAll('[data-chart=panels] .role-scope > g > path.background')]"
            ".map(p => Math.round(p.getBoundingClientRect().left))"
        )
        return len(places), len(set(places))

    open_page(browser, pages["blocks"])
    assert count_places() == (3, 3)
    emulate(browser, width=400)
    wait_for(lambda: count_places() == (3, 1))


def test_print_has_everything_and_no_buttons(browser, pages):
    emulate(browser, "dark")
    open_page(browser, pages["blocks"])
    browser.execute_script(
        "const count = () => { window.folded = document.querySelectorAll('details:not([open])').length; };"
        "addEventListener('beforeprint', count)"
    )
    assert base64.b64decode(browser.print_page()).startswith(b"%PDF")
    assert browser.execute_script("return window.folded") == 0
    assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == 1
    emulate(browser, "dark", media="print")
    assert browser.execute_script(_COLOUR, find(browser, "body")) == "rgb(255, 255, 255)"
    assert not find(browser, "#theme").is_displayed()
    assert not find(browser, ".tools").is_displayed()
    assert find(browser, "#values-table thead th:nth-child(2)").text == "value"
