// The expected hit rate at another capacity or TTL.

import { CurveChart } from "./curve.js";
import { el, percent, points as formatPoints, rate, setText } from "./format.js";

/** The hit rate at `at`, interpolated between two points over the logarithm. */
export function between(points, at, field = "hit_rate") {
  const after = points.findIndex((point) => point.at >= at);
  if (after < 0) return points.at(-1)[field];
  if (after === 0) return points[0][field];
  const [low, high] = [points[after - 1], points[after]];
  const share = Math.log(at / low.at) / Math.log(high.at / low.at);
  return low[field] + share * (high[field] - low[field]);
}

/** A curve, and a slider with a logarithmic scale. */
export class WhatIf {
  #moved = false;
  #points = [];

  /** `format` formats a value on the curve, such as "2,000 entries"; `formatShort` formats its axis. */
  constructor(label, format, formatShort) {
    this.format = format;
    this.chart = new CurveChart(`${label}: expected hit rate`, formatShort);
    this.slider = el("input", "slider");
    this.slider.type = "range";
    this.slider.min = "0";
    this.slider.max = "1000";
    this.slider.step = "5";
    this.slider.setAttribute("aria-label", `What if: ${label.toLowerCase()}`);
    this.slider.addEventListener("input", () => {
      this.#moved = true;
      this.#render();
    });
    this.place = el("b", "place");
    this.share = el("b", "share");
    this.gain = el("span", "gain");
    this.reset = el("button", "quiet", "Reset");
    this.reset.type = "button";
    this.reset.addEventListener("click", () => {
      this.#moved = false;
      this.#moveToCurrent();
      this.#render();
    });
    const answer = el("p", "answer", "at ", this.place, ": expected hit rate ", this.share, " ", this.gain);
    this.element = el("div", "what-if", this.chart.element, this.slider, el("div", "asked", answer, this.reset));
  }

  /** `now` is the cache's current value, or `null` without a limit; `perSecond` is its request rate. */
  show(points, now, hitRate, perSecond) {
    // The logarithm needs values above zero, in ascending order.
    const usable = points.filter((point, at) => point.at > 0 && (at === 0 || point.at > points[at - 1].at));
    this.element.hidden = usable.length < 2;
    if (usable.length < 2) return;
    const previous = this.#moved ? this.#at() : null;
    this.#points = usable;
    [this.now, this.hitRate, this.perSecond] = [now, hitRate, perSecond];
    this.chart.show(usable, now);
    if (previous === null) this.#moveToCurrent();
    else this.#moveTo(previous);
    this.#render();
  }

  #ends() {
    return [Math.log(this.#points[0].at), Math.log(this.#points.at(-1).at)];
  }

  #at() {
    const [low, high] = this.#ends();
    return Math.exp(low + ((high - low) * this.slider.valueAsNumber) / 1000);
  }

  #moveTo(at) {
    const [low, high] = this.#ends();
    this.slider.value = String((1000 * (Math.log(at) - low)) / (high - low));
  }

  #moveToCurrent() {
    this.#moveTo(this.now ?? this.#points.at(-1).at);
  }

  #render() {
    if (this.#points.length < 2) return;
    const at = this.#moved ? this.#at() : (this.now ?? this.#at());
    const share = between(this.#points, at);
    // Both rates come from the curve, so its bias, if any, cancels out.
    const here = this.now === null ? this.hitRate : between(this.#points, this.now);
    const more = share - here;
    const loads = this.perSecond ? -more * this.perSecond : null;
    const margin = this.#points[0].margin === undefined ? null : between(this.#points, at, "margin");
    const unchanged = Math.abs(more) < 0.0005;
    setText(this.place, this.format(at));
    setText(this.share, percent(share) + (margin ? ` ± ${(margin * 100).toFixed(1)}` : ""));
    const effect =
      loads === null || Math.abs(loads) < 0.005
        ? ""
        : `, ${rate(Math.abs(loads))} loads/s ${loads < 0 ? "fewer" : "more"}`;
    setText(this.gain, unchanged ? "no change" : `${formatPoints(more)}${effect}`);
    this.gain.dataset.way = unchanged ? "same" : more > 0 ? "up" : "down";
    this.reset.disabled = !this.#moved;
    this.slider.setAttribute("aria-valuetext", `${this.format(at)}: ${percent(share)}, ${this.gain.textContent}`);
    this.chart.markAt(at, share);
  }
}
