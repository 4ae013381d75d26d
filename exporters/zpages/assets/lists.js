// Lists and tables in the details of a cache.

import { duration, el, integer, none, percent } from "./format.js";

/** A card with a heading. */
export function card(title, className, ...children) {
  const heading = el("h3", "", title);
  const element = el("section", `card ${className}`, heading, ...children);
  element.setAttribute("aria-label", title);
  return element;
}

const plainName = (name) => name.replaceAll("_", " ");

/** A table. Its rows are built again only when they differ. */
export class Table {
  #shown = "";

  constructor(label, head) {
    const cells = head.map((text, at) => {
      const cell = el("th", at ? "number" : "", text);
      cell.scope = "col";
      return cell;
    });
    this.body = el("tbody", "");
    const caption = el("caption", "hidden", label);
    this.element = el("table", "facts", caption, el("thead", "", el("tr", "", ...cells)), this.body);
  }

  show(rows) {
    const shown = JSON.stringify(rows);
    this.element.hidden = rows.length === 0;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.body.replaceChildren(
      ...rows.map((row) =>
        el(
          "tr",
          "",
          ...row.map((cell, at) => {
            if (at) return el("td", "number", cell);
            const head = el("th", "", cell);
            head.scope = "row";
            return head;
          }),
        ),
      ),
    );
  }
}

/** Counts and durations, one row for each kind of event. */
export class Timings extends Table {
  constructor(label, what) {
    super(label, [what, "count", "p50", "p90", "p99", "max"]);
  }

  /** Shows kinds that occurred. `label` returns the label of a kind. */
  showTimings(kinds, label = plainName) {
    this.show(
      kinds
        .filter(({ count }) => count > 0)
        .map(({ what, count, quantiles, max }) => [
          label(what),
          integer(count),
          ...(quantiles ?? [null, null, null]).map(duration),
          quantiles ? duration(max) : none,
        ]),
    );
  }
}

/** Counts by name, as bars relative to the largest. */
export class Bars {
  #shown = "";

  constructor(label) {
    this.element = el("ul", "bars");
    this.element.setAttribute("aria-label", label);
  }

  /** Each part is a name, the share of the largest, the count or "", the share of all, and an optional note. */
  show(parts) {
    const shown = JSON.stringify(parts);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.replaceChildren(
      ...parts.map(([name, share, count, part, note]) => {
        const bar = el("span", "bar");
        bar.style.inlineSize = `${Math.min(1, share) * 100}%`;
        const label = el("span", "label", name);
        if (note) label.title = note;
        return el("li", "", label, el("span", "track", bar), el("span", "number", count), el("span", "number", part));
      }),
    );
  }

  tally(counts) {
    const all = counts.reduce((sum, [, count]) => sum + count, 0);
    const most = Math.max(...counts.map(([, count]) => count), 1);
    const sorted = [...counts].sort(([, a], [, b]) => b - a);
    this.show(sorted.map(([name, count]) => [plainName(name), count / most, integer(count), percent(count / all)]));
  }

  keys(keys) {
    const most = Math.max(...keys.map((key) => key.share), 1e-9);
    this.show(
      keys.map(({ hash, name, share, error }) => [
        name ?? `#${hash.slice(0, 8)}`,
        share / most,
        "",
        percent(share),
        `hash ${hash}${error >= 0.0005 ? `, at most ${percent(error)} too high` : ""}`,
      ]),
    );
  }
}

/** Names and values in pairs. */
export class Pairs {
  #values = new Map();

  constructor() {
    this.element = el("dl", "pairs");
  }

  show(pairs) {
    const known = pairs.filter(([, value]) => value !== null);
    const names = known.map(([name]) => name);
    if (names.join() !== [...this.#values.keys()].join()) {
      this.#values = new Map(names.map((name) => [name, el("dd", "")]));
      this.element.replaceChildren(
        ...[...this.#values].map(([name, value]) => el("div", "", el("dt", "", name), value)),
      );
    }
    for (const [name, value] of known) {
      const element = this.#values.get(name);
      if (element.textContent !== value) element.textContent = value;
    }
  }
}
