// The hit rate over capacity or TTL, drawn by uPlot.

import { Plot, axis, style } from "./charts.js";
import { percent } from "./format.js";

/** Hit rates by capacity or TTL, with marks for the current value and for the value at the slider. */
export class CurveChart extends Plot {
  constructor(label, format) {
    super(label, 150);
    this.format = format;
    this.points = [];
    this.now = null;
    this.marked = null;
  }

  show(points, now) {
    [this.points, this.now] = [points, now];
    const rates = points.map((point) => point.hit_rate);
    const margins = points.map((point) => point.margin ?? 0);
    const within = (share) => Math.min(1, Math.max(0, share));
    this.set([
      points.map((point) => point.at),
      rates,
      rates.map((share, at) => within(share + margins[at])),
      rates.map((share, at) => within(share - margins[at])),
    ]);
  }

  /** Marks this value and its hit rate. */
  markAt(at, share) {
    this.marked = [at, share];
    this.repaint();
  }

  options() {
    const settled = (index) => this.points[index]?.settled !== false;
    const bound = { stroke: "transparent", width: 0, points: { show: false } };
    return {
      // Half of the longest label is beyond the last point.
      padding: [8, 26, 0, 0],
      series: [
        {},
        {
          stroke: () => style("--accent"),
          width: 2,
          points: {
            show: true,
            size: 6,
            filter: (plot, at) => (at === 1 ? [...this.points.keys()].filter(settled) : null),
            fill: () => style("--accent"),
          },
        },
        bound,
        bound,
      ],
      bands: [{ series: [2, 3], fill: () => style("--accent-fill") }],
      scales: {
        x: { time: false, distr: 3, log: 2, range: (plot, low, high) => [low / 1.08, high * 1.08] },
        y: {
          range: (plot, low, high) => {
            const margin = Math.max(0.05, (high - low) * 0.15);
            return [Math.max(0, low - margin), Math.min(1, high + margin)];
          },
        },
      },
      axes: [
        axis({
          splits: () => this.points.map((point) => point.at),
          values: (plot, splits) => splits.map((at) => (at === null ? null : this.format(at))),
          size: 24,
          space: 56,
          filter: (plot, splits) => thinOut(plot, splits),
        }),
        axis({
          values: (plot, splits) => splits.map((share) => percent(share).replace(".0 ", " ")),
          size: 48,
          space: 26,
        }),
      ],
      cursor: { show: false },
      hooks: { draw: [(plot) => this.mark(plot)] },
    };
  }

  mark(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    if (this.now) this.verticalLine(plot, this.now, style("--muted"), [4, 4]);
    if (this.marked) {
      const [at, share] = this.marked;
      this.verticalLine(plot, at, style("--asked"), []);
      const x = plot.valToPos(at, "x", true);
      const y = plot.valToPos(share, "y", true);
      ctx.beginPath();
      ctx.arc(x, Math.max(bbox.top, Math.min(bbox.top + bbox.height, y)), 5 * devicePixelRatio, 0, 7);
      ctx.fillStyle = style("--asked");
      ctx.fill();
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.strokeStyle = style("--card");
      ctx.stroke();
    }
    ctx.restore();
  }

  verticalLine({ ctx, bbox, valToPos }, at, colour, dash) {
    const x = Math.round(valToPos(at, "x", true));
    ctx.beginPath();
    ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    ctx.lineWidth = devicePixelRatio;
    ctx.strokeStyle = colour;
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

/** Drops labels that would overlap. */
function thinOut(plot, splits) {
  const each = Math.ceil((splits.length * 56) / Math.max(plot.bbox.width / devicePixelRatio, 1));
  return splits.map((at, index) => (index % each === 0 ? at : null));
}
