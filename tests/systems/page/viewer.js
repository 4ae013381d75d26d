// The start of every script here: a browser that reaches only this machine, with its warnings and errors recorded.

"use strict";

const { launch } = require("browser");

/** Runs `look` with a page at the tested address, and prints its result and the browser's complaints as JSON. */
exports.view = async function view({ seconds, ...settings }, look) {
  const browser = await launch(seconds);
  const context = await browser.newContext(settings);
  const result = { hosts: [], complaints: [] };
  await context.route("**", (route) => (isHere(route.request().url()) ? route.continue() : route.abort()));
  const page = await context.newPage();
  // Blocked requests are recorded too.
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (!result.hosts.includes(host)) result.hosts.push(host);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) result.complaints.push(message.text());
  });
  page.on("pageerror", (error) => result.complaints.push(String(error)));
  await page.goto(process.env.PAGE);
  Object.assign(result, await look(page));
  await browser.close();
  console.log(JSON.stringify(result));
};

function isHere(url) {
  return new URL(url).hostname === "127.0.0.1";
}

/** Waits until `read` gives what `wanted` takes, and returns it. */
exports.until = async function until(what, read, wanted, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await read();
    if (wanted(found)) return found;
    if (Date.now() > end) throw new Error(`no ${what} within ${seconds} s: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
