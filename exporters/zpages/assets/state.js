// The state of the caches and the viewer's choices, without elements.

/** The number of seconds in a sparkline. */
export const HISTORY_SECONDS = 120;

/** The seconds that rates are averaged over: a number that changes every second can't be read. */
const SMOOTHING_SECONDS = 5;

export const choice = { key: null, order: "load_time", filter: "", span: "minutes", paused: false };

/** Caches by key, in the order of their creation. */
export const caches = new Map();
let fields = [];
let order = [];

/** Sets the caches; known ones keep their history. Returns whether the set of caches changed. */
export function setNames({ fields: names, caches: list }) {
  fields = names;
  order = list.map(([key]) => key);
  const before = new Map(caches);
  caches.clear();
  let isSame = before.size === list.length;
  for (const [key, store, labels] of list) {
    const known = before.get(key);
    const stays = known && known.store === store && JSON.stringify(known.labels) === JSON.stringify(labels);
    caches.set(key, stays ? known : { key, store, labels, now: null, past: [], recent: [], last: null });
    isSame &&= stays;
  }
  return !isSame;
}

/** Sets the history before the page was opened: slices of requests, answered requests, and seconds. */
export function setSparklines(list) {
  list.forEach((slices, index) => {
    const cache = caches.get(order[index]);
    if (!cache || cache.past.length > 0) return;
    const seconds = slices.flatMap(([requests, answered, length]) =>
      Array(Math.min(HISTORY_SECONDS, Math.round(length))).fill([requests / length, answered / length]),
    );
    cache.past = seconds.slice(-HISTORY_SECONDS);
  });
}

/** Sets the current numbers. The requests of a second are the difference between two readings. */
export function setNumbers({ at, rows }) {
  rows.forEach((row, position) => {
    const cache = caches.get(order[position]);
    if (!cache) return;
    fields.forEach((field, index) => {
      cache[field] = row[index];
    });
    cache.fill = fillLevel(cache);
    const last = cache.last;
    cache.last = { at, requests: cache.requests, answered: cache.answered };
    if (!last || at - last.at > 5000 || cache.requests < last.requests) {
      cache.now = cache.per_second;
      // After a gap, the history no longer covers the last minutes.
      cache.past = last ? [] : cache.past;
      cache.recent = [];
      return;
    }
    const seconds = (at - last.at) / 1000;
    if (seconds <= 0) return;
    const requests = (cache.requests - last.requests) / seconds;
    const answered = (cache.answered - last.answered) / seconds;
    cache.recent.push([requests, Math.min(answered, requests)]);
    if (cache.recent.length > SMOOTHING_SECONDS) cache.recent.shift();
    const mean = (part) => cache.recent.reduce((sum, pair) => sum + pair[part], 0) / cache.recent.length;
    cache.past.push([mean(0), mean(1)]);
    if (cache.past.length > HISTORY_SECONDS) cache.past.shift();
    cache.now = mean(0);
  });
}

/** The share of the limit that is used, or null without a limit. */
function fillLevel({ entries, entry_limit: limit, bytes, byte_limit: byteLimit }) {
  if (limit) return entries / limit;
  return byteLimit ? bytes / byteLimit : null;
}

const comparisons = {
  load_time: (a, b) => b.load_time - a.load_time || missing(a.hit_rate, 2) - missing(b.hit_rate, 2),
  hit_rate: (a, b) => missing(a.hit_rate, 2) - missing(b.hit_rate, 2),
  now: (a, b) => b.now - a.now,
  load_p99: (a, b) => missing(b.load_p99, -1) - missing(a.load_p99, -1),
  waits: (a, b) => b.waiting - a.waiting || b.waits - a.waits,
  fill: (a, b) => missing(b.fill, -1) - missing(a.fill, -1),
  key: () => 0,
};
const missing = (value, instead) => value ?? instead;

/** The caches that match the filter, in the selected order. */
export function shown() {
  const words = choice.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (cache) =>
    (cache.text ??= [cache.key, cache.store, ...Object.entries(cache.labels).map((pair) => pair.join("="))]
      .join(" ")
      .toLowerCase());
  return [...caches.values()]
    .filter((cache) => words.every((word) => text(cache).includes(word)))
    .sort((a, b) => comparisons[choice.order](a, b) || (a.key < b.key ? -1 : 1));
}

/** The totals of all caches. */
export function totals() {
  const all = [...caches.values()];
  const sum = (field) => all.reduce((total, cache) => total + (cache[field] ?? 0), 0);
  return { count: all.length, requests: sum("now"), loadTime: sum("load_time"), waiting: sum("waiting") };
}
