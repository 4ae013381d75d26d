// Charts of the selected cache, drawn by uPlot.

/* global uPlot */
import { duration, el, rate, setText } from "./format.js";

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FONT = "11px system-ui, sans-serif";

/** Results in stacking order, from the bottom up: the cheapest first. */
export const RESULTS = ["hit", "stale", "coalesced", "miss", "bypass", "absent", "cancelled"];

export function axis(more) {
  return {
    stroke: () => style("--muted"),
    font: FONT,
    gap: 4,
    ticks: { show: false },
    grid: { stroke: () => style("--grid"), width: 1 },
    ...more,
  };
}

/** The time of day, except where its label would be cut off. Elements have no width when a plot is first drawn. */
const clock = (span) => (plot, splits) =>
  splits.map((at) =>
    plot.valToPos(at, "x") > plot.bbox.width / devicePixelRatio - 14
      ? null
      : new Date(at * 1000).toLocaleTimeString("en-GB", {
          hour: "2-digit",
          minute: "2-digit",
          second: span === "minutes" ? "2-digit" : undefined,
        }),
  );

/** The selected time range in seconds. The first slice may begin before it. */
const LENGTHS = { minutes: 120, hour: 3600, day: 86400 };
const visibleRange = (span) => (plot, low, high) => [Math.max(low, high - LENGTHS[span]), high];

/** A plot as wide as its container. It is built again when its options or the theme change. */
export class Plot {
  #plot = null;
  #data = null;

  constructor(label, height = 150) {
    this.height = height;
    this.box = el("div", "plot");
    this.box.setAttribute("role", "img");
    this.box.setAttribute("aria-label", label);
    this.element = this.box;
    this.sizes = new ResizeObserver(() => {
      const width = this.box.clientWidth;
      if (this.#plot && width && width !== this.#plot.width) this.#plot.setSize({ width, height: this.height });
      else if (!this.#plot) this.redraw();
    });
    this.sizes.observe(this.box);
  }

  /** Frees the plot: uPlot keeps plots until they are destroyed. */
  destroy() {
    this.sizes.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
    this.#data = null;
  }

  set(data) {
    this.#data = data;
    if (this.#plot) this.#plot.setData(data);
    else this.redraw();
  }

  redraw() {
    this.#plot?.destroy();
    this.#plot = null;
    const width = this.box.clientWidth;
    if (!this.#data || !width) return;
    const options = {
      width,
      height: this.height,
      legend: { show: false },
      padding: [8, 14, 0, 0],
      ...this.options(),
    };
    this.#plot = new uPlot(options, this.#data, this.box);
  }

  repaint() {
    this.#plot?.redraw(false);
  }
}

/** The bounds of the slices: each begins where the one before ends, and the first has a start too. */
function times(past) {
  return past.length ? [past[0].at / 1000 - past[0].seconds, ...past.map((slice) => slice.at / 1000)] : [];
}
const withStart = (values) => (values.length ? [values[0], ...values] : []);

/** Requests per second over time, stacked by result. The legend shows the values at the pointer. */
export class ResultsChart extends Plot {
  constructor() {
    super("Requests per second by result, over time", 170);
    this.past = [];
    this.span = "minutes";
    this.legend = el("ul", "legend");
    this.items = new Map();
    for (const name of RESULTS) {
      const value = el("b", "");
      const item = el("li", "", el("i", `swatch ${name}`), `${name} `, value);
      this.items.set(name, { item, value });
      this.legend.append(item);
    }
    this.element = el("div", "", this.box, this.legend);
  }

  /** `names` are the names of a slice's results, in their order. */
  show(past, span, names) {
    this.past = past;
    this.indexes = RESULTS.map((name) => names.indexOf(name));
    this.used = this.indexes.map((index) => past.some((slice) => slice.results[index] > 0));
    const changed = span !== this.span;
    this.span = span;
    let sums = past.map(() => 0);
    const stacked = this.indexes.map((index) => {
      sums = sums.map((sum, at) => sum + past[at].results[index] / Math.max(past[at].seconds, 1e-9));
      return withStart(sums);
    });
    // The highest area is drawn first, and the lower ones over it.
    this.set([times(past), ...stacked.reverse()]);
    if (changed) this.redraw();
    this.showValues(past.length - 1);
  }

  showValues(index) {
    const slice = this.past[index];
    RESULTS.forEach((name, order) => {
      const { item, value } = this.items.get(name);
      item.hidden = !this.used?.[order];
      if (slice) setText(value, `${rate(slice.results[this.indexes[order]] / Math.max(slice.seconds, 1e-9))}/s`);
    });
  }

  options() {
    const paths = uPlot.paths.stepped({ align: -1 });
    const series = [...RESULTS].reverse().map((name) => ({
      stroke: () => style(`--${name}`),
      fill: () => style(`--${name}-fill`),
      width: 1,
      paths,
      points: { show: false },
    }));
    return {
      series: [{}, ...series],
      scales: { x: { range: visibleRange(this.span) }, y: { range: (plot, low, high) => [0, (high || 1) * 1.06] } },
      axes: [
        axis({ values: clock(this.span), space: 76, size: 24 }),
        axis({ values: (plot, splits) => splits.map(rate), size: 44, space: 28 }),
      ],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [({ cursor: { idx } }) => this.showValues(idx ? idx - 1 : this.past.length - 1)] },
    };
  }
}

/** The powers of ten from `low` to `high`; if there are few, also their multiples by two and five. */
function roundNumbers(low, high) {
  const within = (steps) =>
    Array.from({ length: 14 }, (_, power) => steps.map((step) => step * 10 ** power))
      .flat()
      .filter((at) => at >= low && at <= high);
  const decades = within([1]);
  return decades.length > 2 ? decades : within([1, 2, 5]);
}

/** Three quantiles over time, on a logarithmic scale. */
export class LatencyChart extends Plot {
  constructor() {
    super("Latencies over time: median, 90th and 99th percentile", 150);
    this.span = "minutes";
    this.legend = el("ul", "legend");
    this.values = ["p50", "p90", "p99"].map((name) => {
      const value = el("b", "");
      this.legend.append(el("li", "", el("i", `swatch line ${name}`), `${name} `, value));
      return value;
    });
    this.element = el("div", "", this.box, this.legend);
  }

  show(past, span, kind) {
    const changed = span !== this.span;
    [this.past, this.span, this.kind] = [past, span, kind];
    const values = [0, 1, 2].map((at) => withStart(past.map((slice) => slice[kind]?.[at] ?? null)));
    this.set([times(past), ...values]);
    if (changed) this.redraw();
    this.showValues(past.length - 1);
  }

  showValues(index) {
    const quantiles = this.past?.[index]?.[this.kind];
    this.values.forEach((value, at) => setText(value, duration(quantiles?.[at])));
  }

  options() {
    const line = (name, dash) => ({
      stroke: () => style(`--${name}`),
      width: 1.75,
      dash,
      points: { show: false },
      spanGaps: false,
      paths: uPlot.paths.stepped({ align: -1 }),
    });
    return {
      series: [{}, line("p50"), line("p90", [6, 3]), line("p99", [2, 2])],
      scales: {
        x: { range: visibleRange(this.span) },
        y: { distr: 3, range: (plot, low, high) => (low > 0 ? [low / 1.5, high * 1.5] : [1e3, 1e9]) },
      },
      axes: [
        axis({ values: clock(this.span), space: 76, size: 24 }),
        axis({
          splits: (plot, which, low, high) => roundNumbers(low, high),
          filter: (plot, splits) => splits,
          values: (plot, splits) => splits.map(duration),
          size: 52,
        }),
      ],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [({ cursor: { idx } }) => this.showValues(idx ? idx - 1 : this.past.length - 1)] },
    };
  }
}
