// The pane with the details of the selected cache.

import { LatencyChart, ResultsChart } from "./charts.js";
import { Bars, Pairs, Timings, card } from "./lists.js";
import { bytes, compact, duration, el, integer, percent, rate, seconds, setText } from "./format.js";
import { caches } from "./state.js";
import { size } from "./table.js";
import { WhatIf } from "./what_if.js";

const SPANS = { minutes: "2 min", hour: "1 h", day: "24 h" };
const KINDS = { miss: "misses", hit: "hits", load: "loads" };

/** Keeps a number and its percent sign on one line. */
const unbroken = (text) => text.replaceAll(" %", "\u00a0%");

/** A group of buttons, of which one is pressed. */
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

/** Shows one cache in `pane`. The pane is built again for each cache. */
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
    for (const plot of [this.results, this.latencies, this.capacity?.chart, this.ttl?.chart]) plot?.destroy();
    if (cache === null) {
      this.pane.replaceChildren(this.empty);
      return;
    }
    this.#build(cache.key);
    this.pane.scrollTop = 0;
  }

  #build(key) {
    this.inBytes = false;
    this.shownAdvice = null;
    const back = el("button", "back", "‹ All caches");
    back.type = "button";
    back.addEventListener("click", this.close);
    this.about = el("p", "about", "");
    const spans = choices("Time range", SPANS, this.#span, this.chooseSpan);
    this.warning = el("p", "gone", "This cache no longer exists: its last handle was dropped.");
    this.warning.hidden = true;
    this.strip = el("dl", "strip");
    this.stats = new Map();
    this.advice = el("ul", "advice");
    this.adviceCard = card("Advice", "wide advised", this.advice);

    this.results = new ResultsChart();
    this.latencies = new LatencyChart();
    this.byResult = new Timings("Latencies by result", "result");
    this.byLoad = new Timings("Loads by trigger", "trigger");
    this.byWait = new Timings("Waits by outcome", "wait");
    this.covers = [el("small", "covers"), el("small", "covers")];
    const kinds = choices("Latencies of", KINDS, this.#kind, (kind) => {
      this.#kind = kind;
      this.#drawPast();
    });
    const latencyCard = card("Latency over time", "", this.latencies.element);
    latencyCard.firstChild.append(kinds);

    this.capacity = new WhatIf(
      "Capacity",
      (at) => this.#capacity(at),
      (at) => (this.inBytes ? bytes(at) : compact(Math.round(at))),
    );
    this.capacityNote = el("p", "note", "");
    this.ttl = new WhatIf("Time to live", seconds, seconds);
    this.ttlNote = el("p", "note", "");
    this.misses = new Bars("Misses by reason");
    this.evictions = new Bars("Evictions by reason");
    this.failures = new Bars("Failures by kind");
    this.evictionsHead = el("h4", "", "Evictions");
    this.failuresHead = el("h4", "", "Failures");
    this.noMisses = el("p", "nothing", "No misses.");
    this.hotByRequests = new Bars("Keys by requests");
    this.hotByTime = new Bars("Keys by load time");
    this.sizes = new Pairs();
    this.usage = new Pairs();
    this.meter = el("span", "meter");
    this.meterBox = el("div", "track tall", this.meter);

    this.capacityCard = card("Hit rate by capacity", "", this.capacity.element, this.capacityNote);
    this.ttlCard = card("Hit rate by time to live", "", this.ttl.element, this.ttlNote);
    this.byRequests = el("div", "", el("h4", "", "By requests"), this.hotByRequests.element);
    this.byTime = el("div", "", el("h4", "", "By load time"), this.hotByTime.element);
    this.hotCard = card("Hot keys", "wide", el("div", "two", this.byRequests, this.byTime));
    this.usageCard = card("Working set and wasted loads", "", this.usage.element);
    const missesCard = card(
      "Misses and failures",
      "",
      this.noMisses,
      this.misses.element,
      this.failuresHead,
      this.failures.element,
    );
    const timings = card(
      "Latencies, loads and waits",
      "wide",
      this.byResult.element,
      this.byLoad.element,
      this.byWait.element,
    );
    [missesCard, timings].forEach((element, at) => element.firstChild.append(this.covers[at]));
    this.cards = el(
      "div",
      "cards",
      this.adviceCard,
      card("Requests by result", "wide", this.results.element),
      this.capacityCard,
      this.ttlCard,
      latencyCard,
      missesCard,
      timings,
      this.hotCard,
      card("Size", "", this.meterBox, this.sizes.element, this.evictionsHead, this.evictions.element),
      this.usageCard,
    );
    this.pane.replaceChildren(
      el("header", "heading", back, el("div", "title", el("h2", "", key), this.about), spans),
      this.warning,
      this.strip,
      this.cards,
    );
    for (const element of [this.adviceCard, this.capacityCard, this.ttlCard, this.hotCard, this.usageCard])
      element.hidden = true;
  }

  #capacity(at) {
    return this.inBytes ? bytes(at) : `${integer(Math.round(at))} entries`;
  }

  #stat(name, value, title) {
    let pair = this.stats.get(name);
    if (!pair) {
      pair = el("div", "", el("dt", "", name), el("dd", ""));
      this.stats.set(name, pair);
      this.strip.append(pair);
    }
    if (pair.title !== title) pair.title = title;
    setText(pair.lastChild, value);
  }

  /** Shows the numbers of the latest reading. */
  numbers(data) {
    this.#numbers = data;
    this.warning.hidden = true;
    this.strip.hidden = false;
    this.cards.hidden = false;
    const labels = Object.entries(data.labels).map(([name, value]) => `${name}=${value}`);
    setText(
      this.about,
      [data.store, ...labels, `${seconds(data.age)} old`, `${integer(data.requests)} requests`].join("  ·  "),
    );
    this.#stat("hit rate", percent(data.span_hit_rate), "in the selected time range");
    this.#stat("requests/s", rate(caches.get(data.key)?.now ?? data.per_second), "in the last 5 seconds");
    this.#stat("load p99", duration(data.load_p99), "in the last minute");
    this.#stat("loading", integer(data.loads_active), "loads running now");
    this.#stat(
      "waiting",
      data.waiting ? `${integer(data.waiting)}, ${duration(data.longest_wait)}` : "0",
      "requests waiting now, and the longest wait",
    );
    this.#stat(
      "time saved",
      duration(data.time_saved),
      `${duration(data.load_time_saved)} of load time avoided, minus ${duration(data.caching_time)} spent on caching`,
    );

    // Older slices are longer, so a window may cover more time than was selected.
    for (const covers of this.covers) setText(covers, `in the last ${seconds(data.covers)}`);
    if (data.past) this.#past = data.past;
    this.#drawPast();
    this.byResult.showTimings(data.results);
    this.byLoad.showTimings(data.loads);
    this.byWait.showTimings(data.waits_by_outcome);
    this.misses.tally(data.misses);
    this.noMisses.hidden = data.misses.length > 0;
    this.evictions.tally(data.evictions);
    this.evictionsHead.hidden = data.evictions.length === 0;
    const failures = [...data.failures, ...data.rejections.map(([name, count]) => [`not stored: ${name}`, count])];
    this.failures.tally(failures);
    this.failuresHead.hidden = failures.length === 0;
    this.#size(data);
  }

  #size(data) {
    const limit = data.entry_limit ?? data.byte_limit;
    const fill = data.entry_limit
      ? data.entries / data.entry_limit
      : data.byte_limit
        ? data.bytes / data.byte_limit
        : null;
    this.meterBox.hidden = limit === null;
    this.meter.style.inlineSize = `${Math.min(1, fill ?? 0) * 100}%`;
    const pairs = [
      ["stored", size(data)],
      ["fill level", fill === null ? "no limit" : percent(fill)],
    ];
    if (data.byte_limit) pairs.push(["entries", integer(data.entries)]);
    this.sizes.show(pairs);
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

  /** Shows hit rates at other capacities and TTLs, hot keys, and advice. */
  insight({ curve, lifetimes, hot, working_set: sets, amplification, advice }) {
    if (this.#shown === null) return;
    const perSecond = this.#numbers?.per_second ?? 0;
    this.capacityCard.hidden = !curve;
    if (curve) {
      this.inBytes = curve.in_bytes;
      this.capacity.show(curve.points, curve.capacity, curve.hit_rate, perSecond);
      const policy = curve.own_policy
        ? "simulated with the store's own policy"
        : "simulated with LRU, an approximation of the store's policy";
      const unsettled = curve.points.some((point) => !point.settled)
        ? " Points without a dot are not settled yet."
        : "";
      const sample = `${compact(curve.samples)} requests for ${percent(curve.sampling_rate)} of all keys`;
      setText(this.capacityNote, `From ${sample}, ${policy}.${unsettled}`);
    }
    this.ttlCard.hidden = !lifetimes;
    if (lifetimes) {
      this.ttl.show(lifetimes.points, lifetimes.ttl, lifetimes.hit_rate, perSecond);
      setText(this.ttlNote, `From the requests for ${integer(lifetimes.keys)} sampled keys.`);
    }
    // If no key is hot, the shares in a short list are mostly error.
    const [requested, loaded] = [hot.by_requests, hot.by_load_time].map((keys) =>
      keys.filter(({ share, error }) => share > 2 * error),
    );
    this.hotByRequests.keys(requested);
    this.hotByTime.keys(loaded);
    this.byRequests.hidden = requested.length === 0;
    this.byTime.hidden = loaded.length === 0;
    this.hotCard.hidden = requested.length + loaded.length === 0;
    const keys = sets.map(([length, keys]) => [`distinct keys in ${seconds(length)}`, compact(keys)]);
    if (amplification) {
      keys.push(
        ["stored and never read", percent(amplification.unread)],
        ["refreshed and never read", percent(amplification.unread_refreshes)],
      );
    }
    this.usage.show(keys);
    this.usageCard.hidden = keys.length === 0;
    this.adviceCard.hidden = advice.length === 0;
    const newAdvice = JSON.stringify(advice);
    if (newAdvice === this.shownAdvice) return;
    this.shownAdvice = newAdvice;
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
    setText(this.warning, "This process has no cache with this name.");
    this.cards.hidden = true;
    this.strip.hidden = true;
  }

  redraw() {
    if (this.#shown === null) return;
    for (const chart of [this.results, this.latencies, this.capacity.chart, this.ttl.chart]) chart.redraw();
  }
}
