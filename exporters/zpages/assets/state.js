// What is known of the caches, and what the viewer chose. No elements here.

/** How many seconds of a cache are kept for its small chart. */
export const KEPT = 120;

/** Of how many seconds numbers are the mean: one that changes with every beat can't be read. */
const SMOOTH = 5;

export const choice = { key: null, order: "load_time", filter: "", span: "minutes", paused: false };

/** Key to cache, in the order they were built. */
export const caches = new Map();
let fields = [];
let order = [];

/** Who the caches are: those that stay keep their past. Says whether they are others than before. */
export function named({ fields: told, caches: list }) {
  fields = told;
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

/** What they did before anybody looked: slices of requests, answered ones, and seconds. */
export function sketched(list) {
  list.forEach((slices, index) => {
    const cache = caches.get(order[index]);
    if (!cache || cache.past.length > 0) return;
    const seconds = slices.flatMap(([requests, answered, length]) =>
      Array(Math.min(KEPT, Math.round(length))).fill([requests / length, answered / length]),
    );
    cache.past = seconds.slice(-KEPT);
  });
}

/** What they count. A second's requests are the difference of two readings. */
export function counted({ at, rows }) {
  rows.forEach((row, index) => {
    const cache = caches.get(order[index]);
    if (!cache) return;
    fields.forEach((field, place) => {
      cache[field] = row[place];
    });
    cache.fill = share(cache);
    const last = cache.last;
    cache.last = { at, requests: cache.requests, answered: cache.answered };
    if (!last || at - last.at > 5000 || cache.requests < last.requests) {
      cache.now = cache.per_second;
      // What was before isn't of the last minutes any more.
      cache.past = last ? [] : cache.past;
      cache.recent = [];
      return;
    }
    const seconds = (at - last.at) / 1000;
    if (seconds <= 0) return;
    const requests = (cache.requests - last.requests) / seconds;
    const answered = (cache.answered - last.answered) / seconds;
    cache.recent.push([requests, Math.min(answered, requests)]);
    if (cache.recent.length > SMOOTH) cache.recent.shift();
    const mean = (part) => cache.recent.reduce((sum, pair) => sum + pair[part], 0) / cache.recent.length;
    cache.past.push([mean(0), mean(1)]);
    if (cache.past.length > KEPT) cache.past.shift();
    cache.now = mean(0);
  });
}

/** How full it is, of its limit. */
function share({ entries, entry_limit: limit, bytes, byte_limit: byteLimit }) {
  if (limit) return entries / limit;
  return byteLimit ? bytes / byteLimit : null;
}

const worst = {
  load_time: (a, b) => b.load_time - a.load_time || missing(a.hit_rate, 2) - missing(b.hit_rate, 2),
  hit_rate: (a, b) => missing(a.hit_rate, 2) - missing(b.hit_rate, 2),
  now: (a, b) => b.now - a.now,
  load_p99: (a, b) => missing(b.load_p99, -1) - missing(a.load_p99, -1),
  waits: (a, b) => b.waiting - a.waiting || b.waits - a.waits,
  fill: (a, b) => missing(b.fill, -1) - missing(a.fill, -1),
  key: () => 0,
};
const missing = (value, instead) => value ?? instead;

/** Those that the filter leaves, in the chosen order. */
export function shown() {
  const words = choice.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (cache) =>
    (cache.text ??= [cache.key, cache.store, ...Object.entries(cache.labels).map((pair) => pair.join("="))]
      .join(" ")
      .toLowerCase());
  return [...caches.values()]
    .filter((cache) => words.every((word) => text(cache).includes(word)))
    .sort((a, b) => worst[choice.order](a, b) || (a.key < b.key ? -1 : 1));
}

/** All of them together. */
export function totals() {
  const all = [...caches.values()];
  const sum = (field) => all.reduce((total, cache) => total + (cache[field] ?? 0), 0);
  return { count: all.length, requests: sum("now"), loadTime: sum("load_time"), waiting: sum("waiting") };
}
