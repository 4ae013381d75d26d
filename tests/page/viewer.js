// What every script here begins with: a viewer whose browser goes to this machine only, and whose complaints count.

"use strict";

const { launch } = require("browser");

/** Runs `look` with a page at the address that is tested, and prints as JSON what it and the page told. */
exports.view = async function view({ seconds, ...settings }, look) {
  const browser = await launch(seconds);
  const context = await browser.newContext(settings);
  const told = { hosts: [], complaints: [] };
  await context.route("**", (route) => (isHere(route.request().url()) ? route.continue() : route.abort()));
  const page = await context.newPage();
  // What is kept from leaving was asked for, so it is told as well.
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (!told.hosts.includes(host)) told.hosts.push(host);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) told.complaints.push(message.text());
  });
  page.on("pageerror", (error) => told.complaints.push(String(error)));
  await page.goto(process.env.PAGE);
  Object.assign(told, await look(page));
  await browser.close();
  console.log(JSON.stringify(told));
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
