// Connects the stream, the state and the elements of the page.

import { Detail } from "./detail.js";
import { duration, integer, rate, setText } from "./format.js";
import { caches, choice, setNames, setNumbers, setSparklines, shown, totals } from "./state.js";
import { Stream } from "./stream.js";
import { arrange, isBusy, linkOf, neighbour, refresh } from "./table.js";

/** The seconds between two reorderings of the rows: a list that moves every second can't be read. */
const REORDER_INTERVAL = 5;

const byId = (id) => document.getElementById(id);
const wide = matchMedia("(min-width: 1080px)");
const detail = new Detail(byId("detail"), {
  close: () => choose(null),
  span: (span) => {
    choice.span = span;
    listen();
  },
});
const stream = new Stream(receive, showState);
let readings = 0;
let chosenByViewer = false;

function receive(name, data) {
  switch (name) {
    case "names":
      if (setNames(data)) readings = 0;
      break;
    case "sketches":
      setSparklines(data);
      break;
    case "rows":
      setNumbers(data);
      if (readings % REORDER_INTERVAL === 0 && (readings === 0 || !isBusy())) arrange();
      if (readings === 0 && choice.key === null && !chosenByViewer && wide.matches)
        choose(shown()[0]?.key ?? null, false);
      readings += 1;
      refresh();
      showTotals();
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

function showState(state) {
  const text = choice.paused
    ? "paused"
    : { live: "live", lost: "connection lost, retrying", off: "connecting" }[state];
  setText(byId("pulse"), text);
  byId("pulse").dataset.state = choice.paused ? "paused" : state;
  document.body.classList.toggle("lost", state === "lost");
}

function showTotals() {
  const { count, requests, loadTime, waiting } = totals();
  const parts = [
    `${integer(count)} ${count === 1 ? "cache" : "caches"}`,
    `${rate(requests)} requests/s`,
    `${duration(loadTime * 1e9)} load time/s`,
  ];
  if (waiting) parts.push(`${integer(waiting)} waiting`);
  setText(byId("totals"), parts.join("  ·  "));
}

/** Opens the stream for the selected cache. A hidden or paused page closes it, and costs the process nothing. */
function listen() {
  if (choice.paused || document.hidden) stream.close();
  else stream.listen(choice.key, choice.span);
}

/** Selects a cache. Its key becomes part of the address, for links and the browser's history. */
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

/** The key in the address, or null if there is none or it is malformed. */
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
  byId("panes").classList.toggle("one", key !== null);
  document.title = key === null ? "caches" : `${key} – caches`;
  detail.show(key === null ? null : (caches.get(key) ?? { key }));
  refresh();
  listen();
  if (!byViewer || wide.matches) return;
  // On a narrow page the list and the details replace each other, and the focus follows.
  if (key !== null) {
    scrollTo(0, 0);
    byId("detail").focus();
  } else linkOf(before)?.focus();
}

byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  choose(row.dataset.key);
});
byId("filter").addEventListener("input", (event) => {
  choice.filter = event.target.value;
  arrange();
  refresh();
});
byId("order").addEventListener("change", (event) => {
  choice.order = event.target.value;
  arrange();
  refresh();
});
byId("pause").addEventListener("click", ({ currentTarget: button }) => {
  choice.paused = !choice.paused;
  button.setAttribute("aria-pressed", String(choice.paused));
  setText(button, choice.paused ? "Resume" : "Pause");
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
    byId("filter").focus();
    return;
  }
  if (event.key === "Escape" && choice.key !== null && !wide.matches && !typing) {
    choose(null);
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && (byId("rows").contains(event.target) || event.target === byId("filter"))) {
    event.preventDefault();
    neighbour(step)?.focus();
  }
});

if (location.hash) {
  chosenByViewer = true;
  follow(false);
}
listen();
