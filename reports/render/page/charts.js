// The charts of a report's page: fitted to its width, drawn by Vega-Lite, downloaded. It goes with page.js.
"use strict";

const NARROW = 600; // below it panels stand below each other
const PANEL_ROOM = 75; // of a panel for its axis and the gap to the next
const TITLE_LETTER = 9; // pixels for a letter of an axis's title, with room for the labels beside it
const GRID_ROOM = 40; // of a grid of panels without axes for the labels of its rows
const INK = "currentColor"; // the page's, so that a change of theme needs no new drawing
const AXES = { labelColor: INK, titleColor: INK, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
const LOOK = {
  background: null,
  font: "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
  view: { stroke: null },
  axis: {
    ...AXES, domainColor: INK, domainOpacity: 0.35, tickColor: INK, tickOpacity: 0.35,
    gridColor: INK, gridOpacity: 0.13, labelFlush: false, labelSeparation: 4,
  },
  legend: AXES,
  header: AXES,
  title: { color: INK, subtitleColor: INK },
  text: { color: INK },
  rule: { color: INK },
  tick: { color: INK },
  aria: false, // the figure has a label; thousands of marks would each have one
};

/** The names of the columns, then every row, each as long as they are: in the page a row ends before its last nulls. */
function listMarks({ columns, data }) {
  return [columns, ...data.map((row) => columns.map((_, place) => row[place] ?? null))];
}

/** The marks as records, which is what Vega-Lite takes. */
function makeRecords(marks) {
  const [columns, ...rows] = listMarks(marks);
  return rows.map((row) => Object.fromEntries(row.map((value, place) => [columns[place], value])));
}

/** Sets a bottom legend's columns, where it is left to the page, by what the width holds. */
function fitLegends(node, width) {
  if (!node || typeof node !== "object") return;
  const labels = node.scale?.domain;
  if (node.legend?.columns === 0 && Array.isArray(labels)) {
    const longest = Math.max(...labels.map((label) => String(label).length));
    node.legend.columns = Math.max(1, Math.min(labels.length, Math.floor(width / (40 + 7 * longest))));
  }
  for (const inner of Object.values(node)) fitLegends(inner, width);
}

/** Breaks the titles of axes into lines where they are longer than the width holds. */
function wrapTitles(node, width) {
  if (!node || typeof node !== "object") return;
  const most = Math.floor((width - PANEL_ROOM) / TITLE_LETTER);
  if (node.axis && typeof node.axis.title === "string") {
    const lines = [""];
    for (const word of node.axis.title.split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + word.length >= most) lines.push("");
      lines.push(`${lines.pop()} ${word}`.trim());
    }
    if (lines.length > 1) node.axis.title = lines;
  }
  for (const inner of Object.values(node)) wrapTitles(inner, width);
}

/**
 * The specification for a width: one view fills it; panels share it, or stand below each other in a small one.
 * `usermeta` has the `aspect` of panels, height over width, and, of a grid that is kept at every width, how many
 * stand `across` with what `gap`.
 */
function fitChart(chart, width) {
  const { hconcat, ...spec } = structuredClone(chart);
  if (hconcat) Object.assign(spec, { concat: hconcat, columns: hconcat.length });
  fitLegends(spec, width);
  if (width < NARROW) wrapTitles(spec, width);
  const panels = spec.facet || spec.repeat ? [spec.spec] : (spec.concat ?? spec.vconcat);
  const { facet, row, column } = spec.encoding ?? {};
  for (const owner of [spec, facet]) if (owner?.columns && width < NARROW) owner.columns = 1;
  if (!panels) return facet || row || column ? spec : { ...spec, width: "container" };
  const { aspect, gap } = spec.usermeta ?? {};
  const across = spec.usermeta?.across ?? (spec.vconcat ? 1 : (spec.columns ?? panels.length));
  const room = gap === undefined ? width : width - GRID_ROOM;
  for (const panel of panels) {
    const most = typeof panel.width === "number" ? 1.5 * panel.width : Infinity;
    const least = gap === undefined ? 100 : 30;
    panel.width = Math.max(least, Math.min(most, Math.floor(room / across) - (gap ?? PANEL_ROOM)));
    if (aspect) panel.height = Math.round(panel.width * aspect);
  }
  return spec;
}

/** The width that a chart will have once what it is folded into is opened. */
function foreseeWidth(place) {
  const main = getComputedStyle(document.querySelector("main"));
  const room = parseFloat(main.width) - parseFloat(main.paddingLeft) - parseFloat(main.paddingRight);
  return Math.min(room, parseFloat(getComputedStyle(place).maxWidth) || room);
}

async function drawChart(place, { chart, marks }) {
  const hidden = !place.clientWidth;
  const width = place.clientWidth || foreseeWidth(place);
  const spec = fitChart(chart, width);
  if (hidden && spec.width === "container") spec.width = width - PANEL_ROOM;
  place.finalize?.();
  const description = place.getAttribute("aria-label"); // Vega labels the place by it
  const made = await vegaEmbed(place, { ...spec, description, data: { values: makeRecords(marks) } }, {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, config: LOOK,
    ast: true, // expressions are interpreted: the page's policy allows no eval
    tooltip: { theme: "page", disableDefaultStyle: true },
  });
  const finalize = () => made.finalize();
  Object.assign(place, { view: made.view, finalize, isNarrow: width < NARROW, drawnWidth: width });
}

function addChartTools(place, { marks }) {
  const name = place.dataset.chart;
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(
    makeButton("CSV", "What is drawn, as CSV", () =>
      save(`${name}.csv`, "text/csv", formatCsv(listMarks(marks))),
    ),
    makeButton("SVG", "The chart as a picture", async () =>
      save(`${name}.svg`, "image/svg+xml", await place.view.toSVG()),
    ),
  );
  place.after(tools);
}

/** Draws every chart, and again when the window has changed so that another arrangement fits. */
async function prepareCharts() {
  const charts = JSON.parse(document.getElementById("charts")?.textContent ?? "{}");
  const places = [...document.querySelectorAll(".chart")];
  const draw = async (place) => {
    try {
      await drawChart(place, charts[place.dataset.chart]);
    } catch (error) {
      place.textContent = `This chart could not be drawn: ${error.message}`;
      console.error(error);
    }
  };
  for (const place of places) {
    addChartTools(place, charts[place.dataset.chart]);
    await draw(place);
  }
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const isStale = ({ clientWidth, isNarrow, drawnWidth, dataset }) => {
        if (!clientWidth || clientWidth === drawnWidth) return false;
        const { chart } = charts[dataset.chart];
        return clientWidth < NARROW !== isNarrow || !(chart.layer || chart.mark);
      };
      places.filter(isStale).forEach(draw);
    }, 200);
  });
}
