// The page of a report: theme, links to rows, tables that sort and filter, downloads, charts. No network.
"use strict";

// ---- theme ----

const root = document.documentElement;

/** What the function returns; null where it fails, as the storage of some browsers does. */
function attempt(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

const remembered = attempt(() => localStorage.getItem("report-theme"));
if (["light", "dark"].includes(remembered)) root.dataset.theme = remembered; // at once, before anything shows

function addThemeButton() {
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = makeButton("", "", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    attempt(() => localStorage.setItem("report-theme", root.dataset.theme));
    label();
  });
  const label = () => (button.textContent = isDark() ? "Light theme" : "Dark theme");
  button.id = "theme";
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  document.body.prepend(button);
}

function makeButton(text, title, act) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: text, title });
  button.addEventListener("click", act);
  return button;
}

// ---- links to rows ----

/** Opens what the row or heading of the address is folded into, and scrolls to it. */
function revealTarget() {
  const found = document.getElementById(attempt(() => decodeURIComponent(location.hash.slice(1))));
  if (!found) return;
  if (found.hidden) {
    const tools = found.closest(".table").querySelectorAll(".tools input, .tools select");
    tools.forEach((tool) => (tool.value = ""));
    tools[0].dispatchEvent(new Event("input"));
  }
  for (let place = found.parentElement; place; place = place.parentElement) {
    if (place.tagName === "DETAILS") place.open = true;
  }
  found.scrollIntoView({ block: found.tagName === "TR" ? "center" : "start" });
}

// ---- tables ----

/** A cell's text without what is unfolded below it. */
function readCell(cell) {
  return (cell.querySelector(".note") ?? cell).textContent.trim();
}

/** The first number of a text, such as 31.6 of "31.6 ± 1.4"; NaN where there is none. */
function readNumber(text) {
  const found = /[-+−]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?/i.exec(text);
  return found ? Number(found[0].replaceAll(",", "").replace("−", "-")) : NaN;
}

/** The rows of a table but for the headings of groups. */
function listBody(table) {
  return [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.className !== "group");
}

/** Sorts the rows of each group by a column; those without a number come last in both directions. */
function sortRows(table, column, direction) {
  const rows = listBody(table);
  const texts = new Map(rows.map((row) => [row, readCell(row.cells[column])]));
  const numbers = new Map(rows.map((row) => [row, readNumber(texts.get(row))]));
  const header = table.tHead.rows[0].cells[column];
  const isWords = header.classList.contains("word") || rows.every((row) => isNaN(numbers.get(row)));
  const byText = (a, b) => texts.get(a).localeCompare(texts.get(b), "en", { numeric: true });
  const compare = (a, b) => {
    if (!direction) return a.dataset.order - b.dataset.order;
    if (isWords) return direction * byText(a, b);
    const [one, other] = [numbers.get(a), numbers.get(b)];
    if (isNaN(one) || isNaN(other)) return isNaN(one) - isNaN(other);
    return direction * (one - other);
  };
  const inOrder = (a, b) => compare(a, b) || a.dataset.order - b.dataset.order;
  rows.sort(inOrder).forEach((row) => row.parentElement.append(row));
}

/** Makes the header's cells buttons: a press sorts upwards, a second downwards, a third as it was. */
function addSorting(table) {
  listBody(table).forEach((row, place) => (row.dataset.order = place));
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = makeButton("", "Sort by this column", () => {
      const now = header.getAttribute("aria-sort");
      const next = { ascending: "descending", descending: "none" }[now] ?? "ascending";
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (next !== "none") header.setAttribute("aria-sort", next);
      sortRows(table, column, { ascending: 1, descending: -1, none: 0 }[next]);
    });
    button.append(...header.childNodes);
    header.append(button);
  });
}

/** What a row is by each of the table's facets, such as its suite. */
function readFacets(element) {
  return JSON.parse(element.dataset.facets ?? "[]");
}

/** A list to choose rows by, of each facet with several values. */
function makeChoices(names, rows) {
  return names.map((name, place) => {
    const values = [...new Set(rows.map((row) => readFacets(row)[place]))].sort();
    const choice = document.createElement("select");
    choice.ariaLabel = `Only this ${name}`;
    choice.append(new Option(`${name}: all`, ""), ...values.map((value) => new Option(value, value)));
    choice.hidden = values.length < 2;
    return choice;
  });
}

/** Lists of values, and a text field that leaves the rows which have all of its words; groups without rows go. */
function makeFilter(rows, names) {
  const field = document.createElement("input");
  const said = document.createElement("output");
  const choices = makeChoices(names, rows);
  Object.assign(field, { type: "search", placeholder: "Filter rows", ariaLabel: "Filter rows" });
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const facets = readFacets(row);
      const text = [...[...row.cells].map(readCell), ...facets].join(" ").toLowerCase();
      const isChosen = choices.every((choice, place) => !choice.value || choice.value === facets[place]);
      row.hidden = !isChosen || !words.every((word) => text.includes(word));
    }
    for (const body of new Set(rows.map((row) => row.parentElement))) {
      body.hidden = rows.every((row) => row.hidden || row.parentElement !== body);
    }
    const count = rows.filter((row) => !row.hidden).length;
    said.textContent = count < rows.length || words.length ? `${count} of ${rows.length} rows` : "";
  };
  [field, ...choices].forEach((tool) => tool.addEventListener("input", apply));
  return [field, ...choices, said];
}

/** A press on a number unfolds what it is made of. */
function unfoldNote(event) {
  const note = event.currentTarget;
  const shown = note.parentElement.querySelector(".unfolded");
  note.setAttribute("aria-expanded", String(!shown));
  if (shown) return shown.remove();
  const text = document.createElement("div");
  text.className = "unfolded";
  for (const part of note.title.split(/(?<=[,;]) /)) {
    text.append(Object.assign(document.createElement("span"), { textContent: part }), " ");
  }
  for (const line of JSON.parse(note.dataset.lines ?? "[]")) {
    text.append(Object.assign(document.createElement("div"), { textContent: line }));
  }
  note.after(text);
}

function prepareTable(place) {
  const table = place.querySelector("table");
  const rows = listBody(table);
  const names = readFacets(place);
  const tools = document.createElement("div");
  tools.className = "tools";
  if (rows.length > 1) addSorting(table);
  if (rows.length > 8 || names.length) tools.append(...makeFilter(rows, names));
  const name = place.dataset.name;
  if (name) {
    tools.append(
      makeButton("CSV", "The rows that are shown, as CSV", () =>
        save(`${name}.csv`, "text/csv", formatCsv(listTexts(table, names))),
      ),
      makeButton("LaTeX", "The rows that are shown, for \\input, with booktabs", () =>
        save(`${name}.tex`, "text/x-tex", formatLatex(table)),
      ),
    );
  }
  if (tools.childNodes.length) place.prepend(tools);
  for (const note of table.querySelectorAll(".note")) {
    note.setAttribute("aria-expanded", "false");
    note.addEventListener("click", unfoldNote);
  }
}

// ---- downloads ----

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function listRows(table) {
  const rows = [...table.tHead.rows, ...listBody(table)];
  return rows.filter((row) => !row.hidden).map((row) => [...row.cells]);
}

/** The texts of the rows that are shown, each behind its facets; the header's first. */
function listTexts(table, names) {
  const rows = listRows(table);
  const facets = (cells, place) => (place ? readFacets(cells[0].parentElement) : names);
  return rows.map((cells, place) => [...facets(cells, place), ...cells.map(readCell)]);
}

/** Rows of values as CSV; a text that a spreadsheet would take for a formula gets a ' in front. */
function formatCsv(rows) {
  const quote = (value) => {
    if (typeof value === "number") return String(value);
    const text = String(value ?? "");
    const isFormula = /^\s*[=+@-]/.test(text) && !Number.isFinite(Number(text));
    const safe = isFormula ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(quote).join(",") + "\n").join("");
}

const LATEX = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "−": "$-$",
  "<": "$<$", ">": "$>$", "≥": "$\\ge$", "≤": "$\\le$", "×": "$\\times$", "α": "$\\alpha$", "β": "$\\beta$",
  "ρ": "$\\rho$",
  "σ": "$\\sigma$", "τ": "$\\tau$", "–": "--", "—": "---", "…": "\\dots{}", "†": "\\dag{}",
  "‡": "\\ddag{}", "|": "\\textbar{}",
}; // prettier-ignore

function escapeLatex(text) {
  const escapeOne = (sign) => ("_&%$#{}".includes(sign) ? `\\${sign}` : (LATEX[sign] ?? sign));
  return text.replace(/[_&%$#{}\\~^<>|]|[^\x20-\x7e]/g, escapeOne);
}

/** A cell for LaTeX: bold and code as they are, all else escaped. */
function formatLatexCell(cell) {
  const marks = { STRONG: "\\textbf", CODE: "\\texttt" };
  const format = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return escapeLatex(node.textContent);
    const inner = [...node.childNodes].map(format).join("");
    return marks[node.tagName] ? `${marks[node.tagName]}{${inner}}` : inner;
  };
  return format(cell.querySelector(".note") ?? cell).trim();
}

/** The table as a booktabs tabular. */
function formatLatex(table) {
  const lines = listRows(table).map((cells) => {
    const first = formatLatexCell(cells[0]).replace(/^[[*]/, "{$&}"); // after \\ it would be an argument
    return `${[first, ...cells.slice(1).map(formatLatexCell)].join(" & ")} \\\\\n`;
  });
  const headers = [...table.tHead.rows[0].cells];
  const columns = headers.map((cell) => (cell.classList.contains("word") ? "l" : "r")).join("");
  const [head, ...body] = lines;
  const ruled = `\\toprule\n${head}\\midrule\n${body.join("")}\\bottomrule\n`;
  return `\\begin{tabular}{${columns}}\n${ruled}\\end{tabular}\n`;
}

// ---- start ----

function preparePrint() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));
}

document.addEventListener("DOMContentLoaded", async () => {
  addThemeButton();
  document.querySelectorAll(".table").forEach(prepareTable);
  preparePrint();
  addEventListener("hashchange", revealTarget);
  revealTarget();
  await prepareCharts();
  revealTarget(); // the charts have moved it
  root.dataset.ready = "true";
});
