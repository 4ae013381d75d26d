// Brings together what is heard, what is known and what is shown.

import { Detail } from "./detail.js";
import { lasting, rate, say, whole } from "./format.js";
import { caches, choice, counted, named, shown, sketched, totals } from "./state.js";
import { Stream } from "./stream.js";
import { arrange, isBusy, linkOf, neighbour, refresh } from "./table.js";

/** How many seconds rows stay where they are: a list that moves with every beat can't be read. */
const REORDERED_EACH = 5;

const by = (id) => document.getElementById(id);
const wide = matchMedia("(min-width: 1080px)");
const detail = new Detail(by("detail"), {
  close: () => choose(null),
  span: (span) => {
    choice.span = span;
    listen();
  },
});
const stream = new Stream(heard, told);
let beats = 0;
let chosenByViewer = false;

function heard(name, data) {
  switch (name) {
    case "names":
      if (named(data)) beats = 0;
      break;
    case "sketches":
      sketched(data);
      break;
    case "rows":
      counted(data);
      if (beats % REORDERED_EACH === 0 && (beats === 0 || !isBusy())) arrange();
      if (beats === 0 && choice.key === null && !chosenByViewer && wide.matches)
        choose(shown()[0]?.key ?? null, false);
      beats += 1;
      refresh();
      sayTotals();
      break;
    case "detail":
      if (data.key === choice.key) detail.numbers(data);
      break;
    case "insight":
      detail.insight(data);
      break;
    case "gone":
      detail.gone(data);
      break;
  }
}

function told(state) {
  const shown = choice.paused
    ? "paused"
    : { live: "live", lost: "no answer; trying again", off: "connecting" }[state];
  say(by("pulse"), shown);
  by("pulse").dataset.state = choice.paused ? "paused" : state;
  document.body.classList.toggle("lost", state === "lost");
}

function sayTotals() {
  const { count, requests, loadTime, waiting } = totals();
  const parts = [
    `${whole(count)} ${count === 1 ? "cache" : "caches"}`,
    `${rate(requests)} requests/s`,
    `${lasting(loadTime * 1e9)} of loads a second`,
  ];
  if (waiting) parts.push(`${whole(waiting)} waiting`);
  say(by("totals"), parts.join("  ·  "));
}

/** Listens for what is shown; a page that nobody sees costs the process nothing. */
function listen() {
  if (choice.paused || document.hidden) stream.close();
  else stream.listen(choice.key, choice.span);
}

/** Shows this cache; its name is part of the address, so that it can be sent and gone back from. */
function choose(key, byViewer = true) {
  chosenByViewer ||= byViewer;
  const hash = key === null ? "" : `#${encodeURIComponent(key)}`;
  const address = `${location.pathname}${location.search}${hash}`;
  if (location.hash !== hash) {
    if (byViewer) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }
  follow(byViewer);
}

/** The cache that an address names; one that can't be read names none. */
function keyOf(hash) {
  try {
    return hash.length > 1 ? decodeURIComponent(hash.slice(1)) : null;
  } catch {
    return null;
  }
}

function follow(byViewer) {
  const key = keyOf(location.hash);
  const before = choice.key;
  if (key === before) return;
  choice.key = key;
  by("panes").classList.toggle("one", key !== null);
  document.title = key === null ? "caches" : `${key} – caches`;
  detail.show(key === null ? null : (caches.get(key) ?? { key }));
  refresh();
  listen();
  if (!byViewer || wide.matches) return;
  // On a narrow page one takes the other's place, and the focus goes with it.
  if (key !== null) {
    scrollTo(0, 0);
    by("detail").focus();
  } else linkOf(before)?.focus();
}

by("rows").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  choose(row.dataset.key);
});
by("filter").addEventListener("input", (event) => {
  choice.filter = event.target.value;
  arrange();
  refresh();
});
by("order").addEventListener("change", (event) => {
  choice.order = event.target.value;
  arrange();
  refresh();
});
by("pause").addEventListener("click", ({ currentTarget: button }) => {
  choice.paused = !choice.paused;
  button.setAttribute("aria-pressed", String(choice.paused));
  say(button, choice.paused ? "Go on" : "Pause");
  listen();
});
addEventListener("popstate", () => {
  chosenByViewer = true;
  follow(true);
});
addEventListener("hashchange", () => follow(true));
addEventListener("themechange", () => detail.redraw());
document.addEventListener("visibilitychange", listen);
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    by("filter").focus();
    return;
  }
  if (event.key === "Escape" && choice.key !== null && !wide.matches && !typing) {
    choose(null);
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && (by("rows").contains(event.target) || event.target === by("filter"))) {
    event.preventDefault();
    neighbour(step)?.focus();
  }
});

if (location.hash) {
  chosenByViewer = true;
  follow(false);
}
listen();
