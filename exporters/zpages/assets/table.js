// The list of caches. Rows are created a few at a time, and only visible rows are updated.

import { bytes, compact, duration, el, integer, none, percent, rate, setText, svg } from "./format.js";
import { HISTORY_SECONDS, caches, choice, shown } from "./state.js";

/** The number of rows that are created before the browser paints. */
const ROWS_PER_FRAME = 40;
const SPARK = { width: 96, height: 20 };

/** Rows by key. */
const rows = new Map();
const visibleRows = new Set();
const body = document.getElementById("rows");
const empty = document.getElementById("empty");
let latestTurn = 0;

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        visibleRows.add(target);
        update(rows.get(target.dataset.key));
      } else {
        visibleRows.delete(target);
      }
    }
  },
  { rootMargin: "80px 0px" },
);

/** The length of a name's end, which is never cut off: names often differ only in their ends. */
const SUFFIX_LENGTH = 9;

function make(key) {
  const [start, end] = [key.slice(0, -SUFFIX_LENGTH), key.slice(-SUFFIX_LENGTH)];
  const label = el("span", "key", el("span", "start", start), el("span", "", end));
  const link = el("a", "name", label, el("span", "store"));
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
    size: cell("size", el("span", "size-text"), el("span", "track", meter)),
  };
  row.element = el("div", "row", row.name, row.hit, row.now, row.spark, row.p99, row.waits, row.size);
  row.element.setAttribute("role", "row");
  row.element.dataset.key = key;
  return row;
}

function update(row) {
  const cache = row && caches.get(row.key);
  if (!cache || cache.requests === undefined) return;
  setText(row.link.lastChild, [cache.store, ...Object.values(cache.labels)].join(" · "));
  setText(row.hit, percent(cache.hit_rate));
  row.hit.dataset.level =
    cache.hit_rate === null ? "none" : cache.hit_rate < 0.5 ? "low" : cache.hit_rate < 0.8 ? "middling" : "good";
  setText(row.now, rate(cache.now));
  setText(row.p99, duration(cache.load_p99));
  setText(row.waits, cache.waiting ? `${compact(cache.waiting)} now` : cache.waits ? compact(cache.waits) : none);
  row.waits.classList.toggle("warn", cache.longest_wait > 1e9);
  setText(row.size.firstChild, size(cache));
  const fill = cache.fill;
  row.size.classList.toggle("unlimited", fill === null);
  row.meter.style.inlineSize = `${Math.min(1, fill ?? 0) * 100}%`;
  row.element.classList.toggle("chosen", choice.key === row.key);
  row.element.classList.toggle("idle", !cache.now && cache.hit_rate === null);
  if (choice.key === row.key) row.link.setAttribute("aria-current", "true");
  else row.link.removeAttribute("aria-current");
  draw(row, cache.past);
}

/** The size of a cache, in the unit of its limit. */
export function size(cache) {
  const { entries, entry_limit: limit, bytes: stored, byte_limit: byteLimit } = cache;
  if (limit) return `${compact(entries)} / ${compact(limit)}`;
  if (byteLimit) {
    const [part, all] = [bytes(stored), bytes(byteLimit)];
    const unit = all.slice(all.indexOf(" "));
    return `${part.endsWith(unit) ? part.slice(0, -unit.length) : part} / ${all}`;
  }
  return stored === null ? integer(entries) : bytes(stored);
}

/** Draws requests per second, and in a darker tone the requests that the cache answered. */
function draw(row, past) {
  if (past.length < 2) return;
  const top = Math.max(...past.map(([all]) => all), 1e-9) * 1.08;
  const step = SPARK.width / (HISTORY_SECONDS - 1);
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

/** Shows the rows that match the filter, in the selected order. */
export function arrange() {
  const selected = shown();
  const keys = new Set(selected.map((cache) => cache.key));
  for (const [key, row] of rows) {
    if (!keys.has(key)) {
      watcher.unobserve(row.element);
      visibleRows.delete(row.element);
      row.element.remove();
      if (!caches.has(key)) rows.delete(key);
    }
  }
  empty.hidden = selected.length > 0;
  setText(empty, caches.size ? "No cache matches the filter." : "This process has no caches yet.");
  placeRows(selected, 0, null, ++latestTurn);
}

/** Puts rows in their positions, beginning with index `from`; `last` is the row before. */
function placeRows(selected, from, last, turn) {
  if (turn !== latestTurn) return;
  const until = Math.min(selected.length, from + ROWS_PER_FRAME);
  let created = false;
  let index = from;
  for (; index < selected.length && (index < until || !created); index++) {
    const { key } = selected[index];
    created ||= !rows.has(key);
    const row = rows.get(key) ?? make(key);
    rows.set(key, row);
    const next = last ? last.nextSibling : body.firstChild;
    if (row.element !== next) {
      body.insertBefore(row.element, next);
      watcher.observe(row.element);
    }
    last = row.element;
  }
  if (index < selected.length) requestAnimationFrame(() => placeRows(selected, index, last, turn));
}

/** Updates the visible rows. */
export function refresh() {
  for (const element of visibleRows) update(rows.get(element.dataset.key));
}

let lastUsed = -Infinity;
for (const kind of ["keydown", "pointerdown"]) body.addEventListener(kind, () => (lastUsed = performance.now()));

/** Whether the viewer may be about to select a row: rows must not move then. */
export function isBusy() {
  return body.matches(":hover") || performance.now() - lastUsed < 10_000;
}

/** The link of the row `by` positions from the focused row. */
export function neighbour(by) {
  const links = [...body.querySelectorAll("a.name")];
  const at = links.indexOf(document.activeElement);
  return links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))];
}

export function linkOf(key) {
  return rows.get(key)?.link ?? null;
}
