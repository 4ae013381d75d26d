// Numbers as people read them, and elements as scripts make them.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** With three digits, in the largest unit that has one before its point. */
function scaled(value, units, least) {
  const [unit, size] = units.find(([, size]) => Math.abs(value) >= size) ?? [least, 1];
  const small = value / size;
  const magnitude = Math.abs(small);
  const digits = magnitude >= 100 || Number.isInteger(small) ? 0 : magnitude >= 10 ? 1 : 2;
  return unit === "" ? small.toFixed(digits) : `${small.toFixed(digits)} ${unit}`;
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
const or = (tell) => (value) => (value === null || value === undefined || Number.isNaN(value) ? none : tell(value));

export const lasting = or((nanos) => scaled(nanos, TIMES, "ns"));
export const seconds = or((value) => scaled(value * 1e9, TIMES, "ns"));
export const bytes = or((value) => scaled(value, BYTES, "B"));
export const whole = or((value) => grouped.format(value));
export const short = or((value) => (value >= 1e4 ? scaled(value, COUNTS, "") : grouped.format(value)));
export const rate = or((value) =>
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
export const percent = or((share) => `${(share * 100).toFixed(1)} %`);
/** A difference of shares, in points. */
export const points = or((share) => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} points`);

/** An element: its class, and what is in it; text is never taken for markup. */
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

/** Sets a text only where it differs: what doesn't change isn't laid out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
