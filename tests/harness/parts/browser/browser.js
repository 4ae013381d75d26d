// The module "browser" of scripts: Chromium without a window.

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
      // Its sandbox refuses root, and tests may run as root.
      "--no-sandbox",
      "--disable-gpu",
      // Without these it looks for updates.
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
    ],
  });
};
