// The list: rows are made a few at a time, and only those in sight are kept up to date.

import { bytes, el, lasting, none, percent, rate, say, short, svg, whole as count } from "./format.js";
import { KEPT, caches, choice, shown } from "./state.js";

/** How many rows are made before the browser gets to paint. */
const AT_ONCE = 40;
const SPARK = { width: 96, height: 20 };

/** Key to row. */
const rows = new Map();
const inSight = new Set();
const body = document.getElementById("rows");
const empty = document.getElementById("empty");
let making = 0;

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        inSight.add(target);
        update(rows.get(target.dataset.key));
      } else {
        inSight.delete(target);
      }
    }
  },
  { rootMargin: "80px 0px" },
);

/** Where a name is cut it is in its middle: names often differ in their ends alone. */
const ENDING = 9;

function make(key) {
  const whole = el("span", "key", el("span", "start", key.slice(0, -ENDING)), el("span", "", key.slice(-ENDING)));
  const link = el("a", "name", whole, el("span", "store"));
  link.title = key;
  link.href = `${location.pathname}${location.search}#${encodeURIComponent(key)}`;
  const cell = (className, ...children) => {
    const made = el("span", className, ...children);
    made.setAttribute("role", "cell");
    return made;
  };
  const all = svg("path", { class: "all" });
  const answered = svg("path", { class: "answered" });
  const spark = svg(
    "svg",
    { viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    all,
    answered,
  );
  const meter = el("span", "meter");
  const row = {
    key,
    link,
    all,
    answered,
    meter,
    name: cell("cell-name", link),
    hit: cell("number hit"),
    now: cell("number now"),
    spark: cell("spark", spark),
    p99: cell("number p99"),
    waits: cell("number waits"),
    size: cell("size", el("span", "said"), el("span", "track", meter)),
  };
  row.element = el("div", "row", row.name, row.hit, row.now, row.spark, row.p99, row.waits, row.size);
  row.element.setAttribute("role", "row");
  row.element.dataset.key = key;
  return row;
}

function update(row) {
  const cache = row && caches.get(row.key);
  if (!cache || cache.requests === undefined) return;
  say(row.link.lastChild, [cache.store, ...Object.values(cache.labels)].join(" · "));
  say(row.hit, percent(cache.hit_rate));
  row.hit.dataset.level =
    cache.hit_rate === null ? "none" : cache.hit_rate < 0.5 ? "low" : cache.hit_rate < 0.8 ? "middling" : "good";
  say(row.now, rate(cache.now));
  say(row.p99, lasting(cache.load_p99));
  say(row.waits, cache.waiting ? `${short(cache.waiting)} now` : cache.waits ? short(cache.waits) : none);
  row.waits.classList.toggle("warn", cache.longest_wait > 1e9);
  say(row.size.firstChild, size(cache));
  const fill = cache.fill;
  row.size.classList.toggle("unlimited", fill === null);
  row.meter.style.inlineSize = `${Math.min(1, fill ?? 0) * 100}%`;
  row.element.classList.toggle("chosen", choice.key === row.key);
  row.element.classList.toggle("idle", !cache.now && cache.hit_rate === null);
  if (choice.key === row.key) row.link.setAttribute("aria-current", "true");
  else row.link.removeAttribute("aria-current");
  draw(row, cache.past);
}

/** What it holds, in the unit that its limit has. */
export function size(cache) {
  const { entries, entry_limit: limit, bytes: held, byte_limit: byteLimit } = cache;
  if (limit) return `${short(entries)} / ${short(limit)}`;
  if (byteLimit) {
    const [part, all] = [bytes(held), bytes(byteLimit)];
    const unit = all.slice(all.indexOf(" "));
    return `${part.endsWith(unit) ? part.slice(0, -unit.length) : part} / ${all}`;
  }
  return held === null ? count(entries) : bytes(held);
}

/** Requests by second, and below them in a darker tone what the cache answered. */
function draw(row, past) {
  if (past.length < 2) return;
  const top = Math.max(...past.map(([all]) => all), 1e-9) * 1.08;
  const step = SPARK.width / (KEPT - 1);
  const from = SPARK.width - (past.length - 1) * step;
  const area = (part) => {
    const points = past.map(
      (pair, index) => `${(from + index * step).toFixed(1)},${(SPARK.height * (1 - pair[part] / top)).toFixed(1)}`,
    );
    return `M${from.toFixed(1)},${SPARK.height}L${points.join("L")}L${SPARK.width},${SPARK.height}Z`;
  };
  row.all.setAttribute("d", area(0));
  row.answered.setAttribute("d", area(1));
}

/** Has the rows be those that are chosen, in their order. */
export function arrange() {
  const wanted = shown();
  const keys = new Set(wanted.map((cache) => cache.key));
  for (const [key, row] of rows) {
    if (!keys.has(key)) {
      watcher.unobserve(row.element);
      inSight.delete(row.element);
      row.element.remove();
      if (!caches.has(key)) rows.delete(key);
    }
  }
  empty.hidden = wanted.length > 0;
  say(empty, caches.size ? "No cache has such a name or label." : "This process has no caches yet.");
  place(wanted, 0, null, ++making);
}

/** Puts rows in their places from the `from`th on; `last` is the row before. */
function place(wanted, from, last, turn) {
  if (turn !== making) return;
  const until = Math.min(wanted.length, from + AT_ONCE);
  let made = false;
  let index = from;
  for (; index < wanted.length && (index < until || !made); index++) {
    const { key } = wanted[index];
    made ||= !rows.has(key);
    const row = rows.get(key) ?? make(key);
    rows.set(key, row);
    const next = last ? last.nextSibling : body.firstChild;
    if (row.element !== next) {
      body.insertBefore(row.element, next);
      watcher.observe(row.element);
    }
    last = row.element;
  }
  if (index < wanted.length) requestAnimationFrame(() => place(wanted, index, last, turn));
}

/** Has the rows in sight say what is known. */
export function refresh() {
  for (const element of inSight) update(rows.get(element.dataset.key));
}

let used = -Infinity;
for (const kind of ["keydown", "pointerdown"]) body.addEventListener(kind, () => (used = performance.now()));

/** Whether the viewer is about to choose a row: then none may move. */
export function isBusy() {
  return body.matches(":hover") || performance.now() - used < 10_000;
}

/** The link of the row `by` places from that which has the focus. */
export function neighbour(by) {
  const links = [...body.querySelectorAll("a.name")];
  const at = links.indexOf(document.activeElement);
  return links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))];
}

export function linkOf(key) {
  return rows.get(key)?.link ?? null;
}
