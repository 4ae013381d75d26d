// Measures the longest tasks and frames of the page with many caches in use.

"use strict";

const { until, view } = require("./viewer.js");

async function look(page) {
  const rows = () => page.locator("#rows .row").count();
  const caches = await until("rows of all caches", rows, (count) => count >= Number(process.env.CACHES));
  const watched = await page.evaluate((length) => new Promise((resolve) => {
    const result = { frame_ms: 0, task_ms: 0, frames: 0, beats: 0 };
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) result.task_ms = Math.max(result.task_ms, task.duration);
    }).observe({ type: "longtask" });
    new MutationObserver(() => (result.beats += 1)).observe(document.getElementById("totals"), {
      characterData: true, childList: true, subtree: true,
    });
    const begun = performance.now();
    let last = begun;
    requestAnimationFrame(function frame(now) {
      result.frame_ms = Math.max(result.frame_ms, now - last);
      result.frames += 1;
      last = now;
      if (now - begun < length) requestAnimationFrame(frame);
      else resolve(result);
    });
  }), 3000);
  const fresh = await page.evaluate(() => {
    const rows = [...document.querySelectorAll("#rows .row")];
    const inSight = rows.filter((row) => row.getBoundingClientRect().top < innerHeight);
    return inSight.every((row) => /\d/.test(row.querySelector(".now").textContent));
  });
  return { caches, fresh, ...watched };
}

view({ viewport: { width: 1280, height: 900 } }, look);
