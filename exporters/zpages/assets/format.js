// Formatting of numbers, and creation of elements.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Formats a number with three digits, in the largest unit in which it is at least 1. */
function scaled(value, units, least) {
  const [unit, size] = units.find(([, size]) => Math.abs(value) >= size) ?? [least, 1];
  const scaledValue = value / size;
  const magnitude = Math.abs(scaledValue);
  const digits = magnitude >= 100 || Number.isInteger(scaledValue) ? 0 : magnitude >= 10 ? 1 : 2;
  return unit === "" ? scaledValue.toFixed(digits) : `${scaledValue.toFixed(digits)} ${unit}`;
}

const TIMES = [
  ["d", 86400e9],
  ["h", 3600e9],
  ["min", 60e9],
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
];
const BYTES = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
];
const COUNTS = [
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
];

export const none = "–";
const orNone = (format) => (value) =>
  value === null || value === undefined || Number.isNaN(value) ? none : format(value);

export const duration = orNone((nanos) => scaled(nanos, TIMES, "ns"));
export const seconds = orNone((value) => scaled(value * 1e9, TIMES, "ns"));
export const bytes = orNone((value) => scaled(value, BYTES, "B"));
export const integer = orNone((value) => grouped.format(value));
export const compact = orNone((value) => (value >= 1e4 ? scaled(value, COUNTS, "") : grouped.format(value)));
export const rate = orNone((value) =>
  value >= 1e4
    ? scaled(value, COUNTS, "")
    : value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value === 0
          ? "0"
          : value.toFixed(2),
);
export const percent = orNone((share) => `${(share * 100).toFixed(1)} %`);
/** A difference of shares, in percentage points. */
export const points = orNone((share) => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} points`);

/** Creates an element with a class and children. Text is never parsed as markup. */
export function el(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Sets a text only if it differs, which avoids needless layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
