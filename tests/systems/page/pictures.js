// Takes pictures of the cache CACHE in both themes, into the folder PICTURES: its state, and the reasons below.

"use strict";

const path = require("node:path");
const { until, view } = require("./viewer.js");

/** The time after which charts over time have data to show. */
const LIVELY = 110_000;

async function look(page) {
  const pictures = [];
  await page.locator(`#rows .row[data-key="${process.env.CACHE}"] a`).click();
  await page.mouse.move(640, 10);
  await page.evaluate(() => document.activeElement.blur());
  await page.waitForTimeout(LIVELY);
  await until("advice", () => page.locator(".advice li").count(), Boolean, 60);
  // Four times the capacity. The places of the slider are equal ratios apart, from 250 to 8,000.
  await page.getByRole("slider", { name: "What if: capacity" }).fill("800");
  for (const [name, top] of [["", null], ["-why", '[aria-label="Latency over time"]']]) {
    await page.evaluate((selector) => {
      const pane = document.getElementById("detail");
      const card = selector && pane.querySelector(selector);
      pane.scrollTop = card ? card.offsetTop - pane.offsetTop - 12 : 0;
    }, top);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(500);
      const file = path.join(process.env.PICTURES, `${theme}${name}.png`);
      await page.screenshot({ path: file });
      pictures.push(file);
    }
  }
  return { pictures };
}

view({ viewport: { width: 1280, height: 900 }, colorScheme: "light", seconds: 300 }, look);
