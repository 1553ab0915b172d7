// <figure data-chart="id of its JSON"> with a [data-plot]: lines over time, drawn by ECharts (profiles/charts.py
// says what the JSON holds). Selecting a stretch of time asks for the page of that period.

import { Clock } from "./clock.js";
import { amount, axisAmount } from "./measures.js";
import { element } from "./elements.js";

const drawn = new Map();
// Lines that were hidden stay hidden when the figures are looked at again: "id of the chart's JSON:look".
const hidden = new Set();
const TOGETHER = "page";
// Between two labels on the axis of time, in pixels.
const LABEL_WIDTH = 84;

/** Colours of the page's theme: charts are canvases, which no stylesheet reaches. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    text: of("--quiet"),
    line: of("--line"),
    ground: of("--surface"),
    mark: of("--chart-mark"),
    looks: Object.fromEntries(["p50", "p95", "p99", "count", "error"].map((look) => [look, of(`--chart-${look}`)])),
  };
}

const STYLES = {
  p50: { width: 1.5, type: "solid" },
  p95: { width: 2, type: "solid" },
  p99: { width: 1.5, type: [4, 3] },
  count: { width: 1.5, type: "solid", filled: true },
  error: { width: 1.5, type: "solid", filled: true },
};

class Plot {
  constructor(holder) {
    this.holder = holder;
    this.data = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
    this.clock = new Clock(this.data.zone, document.documentElement.lang);
    this.place = holder.querySelector("[data-plot]");
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", holder.dataset.label ?? "");
    this.chart = globalThis.echarts.init(this.place, null, { renderer: "canvas" });
    this.chart.group = TOGETHER;
    for (const button of holder.querySelectorAll("[data-look]")) this.legend(button);
    this.draw();
    this.chart.on("datazoom", (event) => this.zoomed(event));
    this.watcher = new ResizeObserver(() => {
      this.chart.resize();
      this.draw();
    });
    this.watcher.observe(this.place);
  }

  draw() {
    this.colours = palette();
    this.chart.setOption(this.options(), { notMerge: true });
    // Dragging selects, without a button that has to be pressed before.
    this.chart.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  }

  /** A button for a line, which another would hide: the median beside the slowest. */
  legend(button) {
    const key = `${this.holder.dataset.chart}:${button.dataset.look}`;
    button.setAttribute("aria-pressed", !hidden.has(key));
    button.addEventListener("click", () => {
      if (!hidden.delete(key)) hidden.add(key);
      button.setAttribute("aria-pressed", !hidden.has(key));
      this.draw();
    });
  }

  get lines() {
    return this.data.lines.filter(({ look }) => !hidden.has(`${this.holder.dataset.chart}:${look}`));
  }

  options() {
    const { text, line } = this.colours;
    const { edges, unit } = this.data;
    const ticks = this.clock.ticks(edges, Math.max(2, Math.floor(this.place.clientWidth / LABEL_WIDTH)));
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: 12, top: 22, bottom: 2, containLabel: true },
      toolbox: {
        itemSize: 0,
        top: -40,
        feature: {
          dataZoom: { yAxisIndex: "none", brushStyle: { color: this.colours.looks.p95, opacity: 0.16, borderWidth: 0 } },
        },
      },
      xAxis: {
        type: "value",
        min: edges[0],
        max: edges[edges.length - 1],
        splitLine: { show: false },
        axisLine: { lineStyle: { color: line } },
        axisTick: { show: true, lineStyle: { color: line }, customValues: ticks },
        axisLabel: { color: text, hideOverlap: true, customValues: ticks, formatter: (at) => this.clock.label(at) },
      },
      yAxis: {
        type: "value",
        min: 0,
        max: (range) => (range.max > 0 ? null : unit === "share" ? 0.01 : 1),
        splitNumber: 3,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: line } },
        axisLabel: { color: text, formatter: (value) => axisAmount(value, unit) },
      },
      tooltip: {
        trigger: "axis",
        confine: true,
        renderMode: "html",
        className: "chart-tip",
        transitionDuration: 0,
        padding: 0,
        borderWidth: 0,
        backgroundColor: "transparent",
        shadowBlur: 0,
        shadowColor: "transparent",
        axisPointer: { type: "line", snap: true, lineStyle: { color: text, type: "solid", width: 1 } },
        formatter: (points) => this.tip(points),
      },
      series: this.lines.map((shown, index) => this.series(shown, index)),
    };
  }

  series(shown, index) {
    const { edges } = this.data;
    const { width, type, filled } = STYLES[shown.look];
    const colour = this.colours.looks[shown.look];
    // A value stands for its whole stretch: in the middle of it.
    const data = shown.values.map((value, at) => [(edges[at] + edges[at + 1]) / 2, value]);
    return {
      name: shown.name,
      type: "line",
      data,
      connectNulls: false,
      showSymbol: true,
      showAllSymbol: true,
      symbol: "circle",
      // A value without neighbours has no line that would show it.
      symbolSize: (_value, { dataIndex }) => (isAlone(shown.values, dataIndex) ? 5 : 0),
      itemStyle: { color: colour },
      lineStyle: { color: colour, width, type },
      areaStyle: filled ? { color: colour, opacity: 0.18 } : undefined,
      emphasis: { disabled: true },
      markLine: index === 0 ? this.deploys() : undefined,
    };
  }

  deploys() {
    const { marks, edges } = this.data;
    const perPixel = (edges[edges.length - 1] - edges[0]) / Math.max(1, this.place.clientWidth);
    const shownAt = [];
    return {
      silent: true,
      symbol: "none",
      animation: false,
      lineStyle: { color: this.colours.mark, type: [3, 3], width: 1 },
      label: { color: this.colours.text, fontSize: 11, position: "end", distance: 4, width: 84, overflow: "truncate" },
      data: marks.map(({ at, name }) => {
        const fits = shownAt.every((other) => Math.abs(at - other) > 90 * perPixel);
        if (fits) shownAt.push(at);
        return { xAxis: at, label: { show: fits, formatter: () => name } };
      }),
    };
  }

  tip(points) {
    const { edges, unit, marks, words } = this.data;
    const at = points[0]?.dataIndex;
    const tip = element("div", "chart-tip-body");
    if (at === undefined) return tip;
    tip.append(element("div", "chart-tip-time", this.clock.stretch(edges[at], edges[at + 1])));
    for (const { name, look, values } of this.lines) {
      const row = element("div", "chart-tip-row");
      row.append(
        element("span", `swatch swatch-${look}`),
        element("span", "chart-tip-name", name),
        element("span", "chart-tip-value", values[at] === null ? "–" : amount(values[at], unit)),
      );
      tip.append(row);
    }
    for (const { at: when, name, environment } of marks) {
      if (when >= edges[at] && when < edges[at + 1]) {
        tip.append(element("div", "chart-tip-mark", `${words.deployed}: ${name} · ${environment}`));
      }
    }
    return tip;
  }

  zoomed(event) {
    const { startValue, endValue } = event.batch?.[0] ?? event;
    if (startValue === undefined || !document.getElementById("scoped")) return;
    const { edges } = this.data;
    // Whole stretches: the half of one is not measured.
    const first = edges.findLast((edge) => edge <= startValue) ?? edges[0];
    const last = edges.find((edge) => edge >= endValue) ?? edges[edges.length - 1];
    show(first, last, last === edges[edges.length - 1]);
  }

  end() {
    this.watcher.disconnect();
    this.chart.dispose();
  }
}

let asked = false;

/** The page of a period; one that reaches the end of a live page goes on with it. */
function show(start, end, toTheEnd) {
  if (asked) return;
  asked = true;
  const address = new URL(location.href);
  const wasLive = !address.searchParams.has("end");
  address.searchParams.delete("period");
  address.searchParams.set("start", instant(start));
  if (toTheEnd && wasLive) address.searchParams.delete("end");
  else address.searchParams.set("end", instant(end));
  const options = { target: "#scoped", swap: "outerHTML", indicator: "#figures" };
  globalThis.htmx.ajax("GET", address.pathname + address.search, options).finally(() => {
    asked = false;
  });
}

function instant(milliseconds) {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

function isAlone(values, at) {
  return values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
}

function drawAll() {
  for (const [holder, plot] of drawn) {
    if (!holder.isConnected) {
      plot.end();
      drawn.delete(holder);
    }
  }
  for (const holder of document.querySelectorAll("[data-chart]")) {
    if (!drawn.has(holder)) drawn.set(holder, new Plot(holder));
  }
  globalThis.echarts.connect(TOGETHER);
}

drawAll();
document.addEventListener("htmx:afterSettle", drawAll);
new MutationObserver(() => {
  for (const plot of drawn.values()) plot.draw();
}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
