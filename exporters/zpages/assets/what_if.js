// What the hit rate would be at another capacity or lifetime.

import { CurveChart } from "./curve.js";
import { el, percent, points as inPoints, rate, say } from "./format.js";

/** The hit rate at `at`: between two points as the logarithm has it. */
export function between(points, at, field = "hit_rate") {
  const after = points.findIndex((point) => point.at >= at);
  if (after < 0) return points.at(-1)[field];
  if (after === 0) return points[0][field];
  const [low, high] = [points[after - 1], points[after]];
  const share = Math.log(at / low.at) / Math.log(high.at / low.at);
  return low[field] + share * (high[field] - low[field]);
}

/** A curve, and a slider over the logarithm of what it is over. */
export class WhatIf {
  #moved = false;
  #points = [];

  /** `told` says a place on the curve: "2,000 entries". */
  constructor(label, told, short) {
    this.told = told;
    this.chart = new CurveChart(`${label}: expected hit rate`, short);
    this.slider = el("input", "slider");
    this.slider.type = "range";
    this.slider.min = "0";
    this.slider.max = "1000";
    this.slider.step = "5";
    this.slider.setAttribute("aria-label", `What if: ${label.toLowerCase()}`);
    this.slider.addEventListener("input", () => {
      this.#moved = true;
      this.#say();
    });
    this.place = el("b", "place");
    this.share = el("b", "share");
    this.gain = el("span", "gain");
    this.reset = el("button", "quiet", "Reset");
    this.reset.type = "button";
    this.reset.addEventListener("click", () => {
      this.#moved = false;
      this.#home();
      this.#say();
    });
    const said = el("p", "answer", "at ", this.place, " expect ", this.share, " ", this.gain);
    this.element = el("div", "what-if", this.chart.element, this.slider, el("div", "asked", said, this.reset));
  }

  /** `now` is where the cache is, `null` where it has no such limit; `perSecond` its requests. */
  show(points, now, hitRate, perSecond) {
    // A logarithm needs places above zero, each beyond the last.
    const usable = points.filter((point, at) => point.at > 0 && (at === 0 || point.at > points[at - 1].at));
    this.element.hidden = usable.length < 2;
    if (usable.length < 2) return;
    const kept = this.#moved ? this.#at() : null;
    this.#points = usable;
    [this.now, this.hitRate, this.perSecond] = [now, hitRate, perSecond];
    this.chart.show(usable, now);
    if (kept === null) this.#home();
    else this.#put(kept);
    this.#say();
  }

  #ends() {
    return [Math.log(this.#points[0].at), Math.log(this.#points.at(-1).at)];
  }

  #at() {
    const [low, high] = this.#ends();
    return Math.exp(low + ((high - low) * this.slider.valueAsNumber) / 1000);
  }

  #put(at) {
    const [low, high] = this.#ends();
    this.slider.value = String((1000 * (Math.log(at) - low)) / (high - low));
  }

  #home() {
    this.#put(this.now ?? this.#points.at(-1).at);
  }

  #say() {
    if (this.#points.length < 2) return;
    const at = this.#moved ? this.#at() : (this.now ?? this.#at());
    const share = between(this.#points, at);
    // Both from the curve: its bias, if any, is in both.
    const here = this.now === null ? this.hitRate : between(this.#points, this.now);
    const more = share - here;
    const loads = this.perSecond ? -more * this.perSecond : null;
    const margin = this.#points[0].margin === undefined ? null : between(this.#points, at, "margin");
    const far = Math.abs(more) < 0.0005;
    say(this.place, this.told(at));
    say(this.share, percent(share) + (margin ? ` ± ${(margin * 100).toFixed(1)}` : ""));
    const effect =
      loads === null || Math.abs(loads) < 0.005
        ? ""
        : `, ${rate(Math.abs(loads))} loads/s ${loads < 0 ? "fewer" : "more"}`;
    say(this.gain, far ? "as it is now" : `${inPoints(more)}${effect}`);
    this.gain.dataset.way = far ? "same" : more > 0 ? "up" : "down";
    this.reset.disabled = !this.#moved;
    this.slider.setAttribute("aria-valuetext", `${this.told(at)}: ${percent(share)}, ${this.gain.textContent}`);
    this.chart.ask(at, share);
  }
}
