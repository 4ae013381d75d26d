// Charts of the chosen cache, drawn by uPlot.

/* global uPlot */
import { el, lasting, rate, say } from "./format.js";

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FONT = "11px system-ui, sans-serif";

/** Requests by result, from the bottom up: what costs nothing first. */
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

/** The time of day, but where it would be cut off at the right. Elements have no width when a plot is first drawn. */
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

/** The chosen time, or as much of it as there is: a first slice may reach farther back. */
const LENGTHS = { minutes: 120, hour: 3600, day: 86400 };
const reach = (span) => (plot, low, high) => [Math.max(low, high - LENGTHS[span]), high];

/** A plot that is as wide as what it is in, and is made anew where its options or the theme change. */
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

  /** Lets go of it: uPlot keeps what isn't destroyed. */
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

/** Slices hold from where the one before ends; the first begins somewhere too. */
function times(past) {
  return past.length ? [past[0].at / 1000 - past[0].seconds, ...past.map((slice) => slice.at / 1000)] : [];
}
const held = (values) => (values.length ? [values[0], ...values] : []);

/** Requests a second over time, stacked by result, with a legend that tells the values below the pointer. */
export class ResultsChart extends Plot {
  constructor() {
    super("Requests a second by result, over time", 170);
    this.past = [];
    this.span = "minutes";
    this.legend = el("ul", "legend");
    this.said = new Map();
    for (const name of RESULTS) {
      const value = el("b", "");
      const item = el("li", "", el("i", `swatch ${name}`), `${name} `, value);
      this.said.set(name, { item, value });
      this.legend.append(item);
    }
    this.element = el("div", "", this.box, this.legend);
  }

  /** `names` says which of a slice's results is which. */
  show(past, span, names) {
    this.past = past;
    this.places = RESULTS.map((name) => names.indexOf(name));
    this.used = this.places.map((place) => past.some((slice) => slice.results[place] > 0));
    const changed = span !== this.span;
    this.span = span;
    let sums = past.map(() => 0);
    const stacked = this.places.map((place) => {
      sums = sums.map((sum, index) => sum + past[index].results[place] / Math.max(past[index].seconds, 1e-9));
      return held(sums);
    });
    // The highest is drawn first, and those below it over it.
    this.set([times(past), ...stacked.reverse()]);
    if (changed) this.redraw();
    this.say(past.length - 1);
  }

  say(index) {
    const slice = this.past[index];
    RESULTS.forEach((name, order) => {
      const { item, value } = this.said.get(name);
      item.hidden = !this.used?.[order];
      if (slice) say(value, `${rate(slice.results[this.places[order]] / Math.max(slice.seconds, 1e-9))}/s`);
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
      scales: { x: { range: reach(this.span) }, y: { range: (plot, low, high) => [0, (high || 1) * 1.06] } },
      axes: [
        axis({ values: clock(this.span), space: 76, size: 24 }),
        axis({ values: (plot, splits) => splits.map(rate), size: 44, space: 28 }),
      ],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [({ cursor: { idx } }) => this.say(idx ? idx - 1 : this.past.length - 1)] },
    };
  }
}

/** The round numbers from `low` to `high`, of tenfolds, or where there are few, of their halves and fifths as well. */
function round(low, high) {
  const within = (steps) =>
    Array.from({ length: 14 }, (_, power) => steps.map((step) => step * 10 ** power))
      .flat()
      .filter((at) => at >= low && at <= high);
  const tenfolds = within([1]);
  return tenfolds.length > 2 ? tenfolds : within([1, 2, 5]);
}

/** Three quantiles over time, on a scale where each tenfold is as high. */
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
    const values = [0, 1, 2].map((at) => held(past.map((slice) => slice[kind]?.[at] ?? null)));
    this.set([times(past), ...values]);
    if (changed) this.redraw();
    this.say(past.length - 1);
  }

  say(index) {
    const told = this.past?.[index]?.[this.kind];
    this.values.forEach((value, at) => say(value, lasting(told?.[at])));
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
        x: { range: reach(this.span) },
        y: { distr: 3, range: (plot, low, high) => (low > 0 ? [low / 1.5, high * 1.5] : [1e3, 1e9]) },
      },
      axes: [
        axis({ values: clock(this.span), space: 76, size: 24 }),
        axis({
          splits: (plot, which, low, high) => round(low, high),
          filter: (plot, splits) => splits,
          values: (plot, splits) => splits.map(lasting),
          size: 52,
        }),
      ],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [({ cursor: { idx } }) => this.say(idx ? idx - 1 : this.past.length - 1)] },
    };
  }
}
