// What scripts require as "browser": Chromium without a window.

"use strict";

const { chromium } = require("playwright-core");

/** Starts it. A script that is stuck ends with `seconds`, and the browser with the script. */
exports.launch = function launch(seconds = 120) {
  const deadline = setTimeout(() => {
    console.error(`not done within ${seconds} s`);
    process.exit(1);
  }, seconds * 1000);
  deadline.unref();
  return chromium.launch({
    executablePath: process.env.CACHESCOPE_CHROMIUM,
    args: [
      "--headless",
      // Its sandbox refuses root, whom tests may run as.
      "--no-sandbox",
      "--disable-gpu",
      // It looks for updates and the like otherwise, which no test asked for.
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
    ],
  });
};
