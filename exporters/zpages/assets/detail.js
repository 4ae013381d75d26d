// The chosen cache.

import { LatencyChart, ResultsChart } from "./charts.js";
import { Bars, Pairs, Timings, card } from "./facts.js";
import { bytes, el, lasting, percent, rate, say, seconds, short, whole } from "./format.js";
import { caches } from "./state.js";
import { size } from "./table.js";
import { WhatIf } from "./what_if.js";

const SPANS = { minutes: "2 min", hour: "1 h", day: "24 h" };
const KINDS = { miss: "misses", hit: "hits", load: "loads" };

/** A number stays with its sign where lines break. */
const unbroken = (text) => text.replaceAll(" %", "\u00a0%");

/** Buttons of which one is chosen. */
function choices(label, names, chosen, choose) {
  const group = el("div", "choices");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  for (const [key, name] of Object.entries(names)) {
    const button = el("button", "", name);
    button.type = "button";
    button.setAttribute("aria-pressed", String(key === chosen));
    button.addEventListener("click", () => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
      choose(key);
    });
    group.append(button);
  }
  return group;
}

/** Shows one cache in `pane`; all of it is made anew for the next. */
export class Detail {
  #span = "minutes";
  #kind = "miss";
  #past = [];
  #shown = null;
  #numbers = null;

  constructor(pane, { close, span }) {
    this.pane = pane;
    this.empty = pane.querySelector("#choose");
    this.close = close;
    this.chooseSpan = (chosen) => {
      this.#span = chosen;
      span(chosen);
    };
  }

  show(cache) {
    this.#shown = cache?.key ?? null;
    this.#past = [];
    this.#numbers = null;
    for (const plot of [this.results, this.latencies, this.room?.chart, this.life?.chart]) plot?.destroy();
    if (cache === null) {
      this.pane.replaceChildren(this.empty);
      return;
    }
    this.#make(cache.key);
    this.pane.scrollTop = 0;
  }

  #make(key) {
    this.inBytes = false;
    this.said = null;
    const back = el("button", "back", "‹ All caches");
    back.type = "button";
    back.addEventListener("click", this.close);
    this.about = el("p", "about", "");
    const spans = choices("How far back", SPANS, this.#span, this.chooseSpan);
    this.warning = el("p", "gone", "This cache is gone: its last handle was dropped.");
    this.warning.hidden = true;
    this.strip = el("dl", "strip");
    this.stats = new Map();
    this.advice = el("ul", "advice");
    this.advised = card("Advice", "wide advised", this.advice);

    this.results = new ResultsChart();
    this.latencies = new LatencyChart();
    this.byResult = new Timings("Latencies by result", "result");
    this.byLoad = new Timings("Loads by what ran them", "load by");
    this.byWait = new Timings("Waits by how they ended", "wait");
    this.covers = [el("small", "covers"), el("small", "covers")];
    const kinds = choices("Latencies of", KINDS, this.#kind, (kind) => {
      this.#kind = kind;
      this.#drawPast();
    });
    const latencyCard = card("Latency over time", "", this.latencies.element);
    latencyCard.firstChild.append(kinds);

    this.room = new WhatIf(
      "Capacity",
      (at) => this.#capacity(at),
      (at) => (this.inBytes ? bytes(at) : short(Math.round(at))),
    );
    this.roomNote = el("p", "note", "");
    this.life = new WhatIf("Time to live", seconds, seconds);
    this.lifeNote = el("p", "note", "");
    this.misses = new Bars("Misses by reason");
    this.left = new Bars("Entries that left, by reason");
    this.failed = new Bars("Failures by kind");
    this.leftHead = el("h4", "", "Entries left");
    this.failedHead = el("h4", "", "Went wrong");
    this.noMisses = el("p", "nothing", "No misses.");
    this.hotByRequests = new Bars("Keys asked for most");
    this.hotByTime = new Bars("Keys whose loads take most");
    this.levels = new Pairs();
    this.keys = new Pairs();
    this.meter = el("span", "meter");
    this.meterBox = el("div", "track tall", this.meter);

    this.roomCard = card("What if it had more room?", "", this.room.element, this.roomNote);
    this.lifeCard = card("What if entries lived longer?", "", this.life.element, this.lifeNote);
    this.byRequests = el("div", "", el("h4", "", "By requests"), this.hotByRequests.element);
    this.byTime = el("div", "", el("h4", "", "By load time"), this.hotByTime.element);
    this.hotCard = card("Hot keys", "wide", el("div", "two", this.byRequests, this.byTime));
    this.keysCard = card("Keys and what they are stored for", "", this.keys.element);
    const missed = card(
      "Why requests missed",
      "",
      this.noMisses,
      this.misses.element,
      this.failedHead,
      this.failed.element,
    );
    const timings = card(
      "Latencies, loads and waits",
      "wide",
      this.byResult.element,
      this.byLoad.element,
      this.byWait.element,
    );
    [missed, timings].forEach((one, at) => one.firstChild.append(this.covers[at]));
    this.cards = el(
      "div",
      "cards",
      this.advised,
      card("Requests by result", "wide", this.results.element),
      this.roomCard,
      this.lifeCard,
      latencyCard,
      missed,
      timings,
      this.hotCard,
      card("Size", "", this.meterBox, this.levels.element, this.leftHead, this.left.element),
      this.keysCard,
    );
    this.pane.replaceChildren(
      el("header", "heading", back, el("div", "title", el("h2", "", key), this.about), spans),
      this.warning,
      this.strip,
      this.cards,
    );
    for (const later of [this.advised, this.roomCard, this.lifeCard, this.hotCard, this.keysCard])
      later.hidden = true;
  }

  #capacity(at) {
    return this.inBytes ? bytes(at) : `${whole(Math.round(at))} entries`;
  }

  #stat(name, value, title) {
    let pair = this.stats.get(name);
    if (!pair) {
      pair = el("div", "", el("dt", "", name), el("dd", ""));
      this.stats.set(name, pair);
      this.strip.append(pair);
    }
    if (pair.title !== title) pair.title = title;
    say(pair.lastChild, value);
  }

  /** The numbers of this second. */
  numbers(told) {
    this.#numbers = told;
    this.warning.hidden = true;
    this.strip.hidden = false;
    this.cards.hidden = false;
    const labels = Object.entries(told.labels).map(([name, value]) => `${name}=${value}`);
    say(
      this.about,
      [told.store, ...labels, `${seconds(told.age)} old`, `${whole(told.requests)} requests`].join("  ·  "),
    );
    this.#stat("hit rate", percent(told.span_hit_rate), "of the chosen time");
    this.#stat("requests/s", rate(caches.get(told.key)?.now ?? told.per_second), "of the last seconds");
    this.#stat("load p99", lasting(told.load_p99), "of the last minute");
    this.#stat("loading", whole(told.loads_active), "loads running now");
    this.#stat(
      "waiting",
      told.waiting ? `${whole(told.waiting)}, ${lasting(told.longest_wait)}` : "0",
      "requests waiting now, and the longest",
    );
    this.#stat(
      "time saved",
      lasting(told.time_saved),
      `loads of ${lasting(told.load_time_saved)} weren't run, the cache itself took ${lasting(told.caching_time)}`,
    );

    // A cache keeps less of what is older: a window may reach farther back than was asked for.
    for (const covers of this.covers) say(covers, `of the last ${seconds(told.covers)}`);
    if (told.past) this.#past = told.past;
    this.#drawPast();
    this.byResult.tell(told.results);
    this.byLoad.tell(told.loads);
    this.byWait.tell(told.waits_by_outcome);
    this.misses.tally(told.misses);
    this.noMisses.hidden = told.misses.length > 0;
    this.left.tally(told.evictions);
    this.leftHead.hidden = told.evictions.length === 0;
    const failed = [...told.failures, ...told.rejections.map(([name, count]) => [`not stored: ${name}`, count])];
    this.failed.tally(failed);
    this.failedHead.hidden = failed.length === 0;
    this.#size(told);
  }

  #size(told) {
    const limit = told.entry_limit ?? told.byte_limit;
    const fill = told.entry_limit
      ? told.entries / told.entry_limit
      : told.byte_limit
        ? told.bytes / told.byte_limit
        : null;
    this.meterBox.hidden = limit === null;
    this.meter.style.inlineSize = `${Math.min(1, fill ?? 0) * 100}%`;
    const pairs = [
      ["held", size(told)],
      ["full", fill === null ? "no limit" : percent(fill)],
    ];
    if (told.byte_limit) pairs.push(["entries", whole(told.entries)]);
    this.levels.show(pairs);
  }

  #drawPast() {
    if (!this.#numbers) return;
    this.results.show(
      this.#past,
      this.#span,
      this.#numbers.results.map(({ what }) => what),
    );
    this.latencies.show(this.#past, this.#span, this.#kind);
  }

  /** What other sizes and lifetimes would do, and what is to be done. */
  insight({ curve, lifetimes, hot, working_set: sets, amplification, advice }) {
    if (this.#shown === null) return;
    const perSecond = this.#numbers?.per_second ?? 0;
    this.roomCard.hidden = !curve;
    if (curve) {
      this.inBytes = curve.in_bytes;
      this.room.show(curve.points, curve.capacity, curve.hit_rate, perSecond);
      const whose = curve.own_policy ? "by its store's own policy" : "by LRU: an approximation of its store's policy";
      const unsettled = curve.points.some((point) => !point.settled)
        ? " Places without a dot are still filling."
        : "";
      say(
        this.roomNote,
        `From ${short(curve.samples)} requests for ${percent(curve.sampling_rate)} of all keys, ${whose}.${unsettled}`,
      );
    }
    this.lifeCard.hidden = !lifetimes;
    if (lifetimes) {
      this.life.show(lifetimes.points, lifetimes.ttl, lifetimes.hit_rate, perSecond);
      say(this.lifeNote, `From the requests for ${whole(lifetimes.keys)} sampled keys.`);
    }
    // Where no key is hot, what a short list has of each is mostly error.
    const [requested, loaded] = [hot.by_requests, hot.by_load_time].map((keys) =>
      keys.filter(({ share, error }) => share > 2 * error),
    );
    this.hotByRequests.keys(requested);
    this.hotByTime.keys(loaded);
    this.byRequests.hidden = requested.length === 0;
    this.byTime.hidden = loaded.length === 0;
    this.hotCard.hidden = requested.length + loaded.length === 0;
    const keys = sets.map(([length, keys]) => [`keys asked for in ${seconds(length)}`, short(keys)]);
    if (amplification) {
      keys.push(
        ["stored and never read", percent(amplification.unread)],
        ["refreshed and never read", percent(amplification.unread_refreshes)],
      );
    }
    this.keys.show(keys);
    this.keysCard.hidden = keys.length === 0;
    this.advised.hidden = advice.length === 0;
    const said = JSON.stringify(advice);
    if (said === this.said) return;
    this.said = said;
    this.advice.replaceChildren(
      ...advice.map(({ action, evidence, gain }) =>
        el(
          "li",
          "",
          el("b", "", unbroken(action)),
          gain ? el("span", "gain", gain) : null,
          el("span", "note", unbroken(evidence)),
        ),
      ),
    );
  }

  gone(key) {
    if (key !== this.#shown) return;
    this.warning.hidden = false;
    if (this.#numbers) return;
    say(this.warning, "This process has no cache of this name.");
    this.cards.hidden = true;
    this.strip.hidden = true;
  }

  redraw() {
    if (this.#shown === null) return;
    for (const chart of [this.results, this.latencies, this.room.chart, this.life.chart]) chart.redraw();
  }
}
