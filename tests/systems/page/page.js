// Uses the page with a keyboard, as a user who analyses the cache CACHE.

"use strict";

const { until, view } = require("./viewer.js");

const CACHE = process.env.CACHE;

async function look(page) {
  const result = {};
  const numbers = (text) => Number(text.replace(/[^0-9]/g, ""));
  const requests = async () => numbers(/([\d,]+) requests/.exec(await page.innerText(".about"))?.[1] ?? "0");
  const row = page.locator(`#rows .row[data-key="${CACHE}"]`);

  await row.waitFor();
  result.caches = await page.locator("#rows .row").evaluateAll((rows) => rows.map((row) => row.dataset.key));
  result.pulse = await until("pulse", () => page.innerText("#pulse"), (text) => text === "live");

  // To the list by its key, into it by arrows, and there to the cache.
  await page.keyboard.press("/");
  const focused = () => page.evaluate(() => document.activeElement.closest(".row")?.dataset.key ?? null);
  for (let step = 0; step <= result.caches.length && (await focused()) !== CACHE; step++)
    await page.keyboard.press("ArrowDown");
  result.focused = await focused();
  await page.keyboard.press("Enter");
  await until("detail", () => page.innerText(".detail h2"), (text) => text === CACHE);
  result.address = new URL(page.url()).hash;
  result.current = await row.locator("a").getAttribute("aria-current");

  const first = await until("requests", requests, (count) => count > 0);
  const later = await until("further requests", requests, (count) => count > first);
  result.requests = [first, later, await until("requests after those", requests, (count) => count > later)];
  // It has to be full first.
  const reasons = () => page.locator('[aria-label="Misses by reason"] .label').allInnerTexts();
  result.reasons = await until("evictions", reasons, (shown) => shown.includes("evicted"), 60);
  const hot = () => page.locator('[aria-label="Keys by requests"] .label').allInnerTexts();
  result.hot = await until("the hottest key", hot, (shown) => shown.includes(process.env.HOT), 60);

  const slider = page.getByRole("slider", { name: "What if: capacity" });
  const answer = page.locator(".what-if", { has: slider }).locator(".answer");
  const curve = () => page.evaluate(async (name) => {
    const answered = await fetch(`caches/${name}.json`);
    return (await answered.json()).insight.curve.points;
  }, CACHE);
  await slider.focus();
  result.expected = [];
  for (const [key, end] of [["Home", 0], ["PageUp", null], ["End", -1]]) {
    await page.keyboard.press(key);
    const expected = async () => ({
      place: numbers(await answer.locator(".place").innerText()),
      share: parseFloat(await answer.locator(".share").innerText()) / 100,
      spoken: await slider.getAttribute("aria-valuetext"),
      served: end === null ? null : (await curve()).at(end),
    });
    // The page is result every ten seconds, and a cache that fills changes meanwhile.
    const agrees = ({ share, served }) => served === null || Math.abs(share - served.hit_rate) < 0.02;
    result.expected.push(await until("what is served", expected, agrees, 40));
  }

  // System, light, dark, and as the system has it again.
  result.themes = [];
  await page.locator("#theme").focus();
  for (let press = 0; press < 3; press++) {
    await page.keyboard.press("Enter");
    result.themes.push(await page.evaluate(() => [
      document.querySelector("#theme :last-child").textContent,
      getComputedStyle(document.body).backgroundColor,
    ]));
  }

  // A telephone: the cache first, then the list.
  const sideways = async () => {
    // Charts take their new width a frame later.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
    return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  };
  await page.setViewportSize({ width: 360, height: 740 });
  result.sideways = [await sideways()];
  await page.keyboard.press("Escape");
  await until("list", () => row.isVisible(), Boolean);
  result.sideways.push(await sideways());
  return result;
}

view({ viewport: { width: 1280, height: 900 }, colorScheme: "light" }, look);
