// Every page in every state, by axe-core and in pictures: node test/look.mjs [--out DIR] [--chromium FILE] [--only PAGE]
import axe from "axe-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { serve, STATES } from "../preview.mjs";

const { values: given } = parseArgs({ options: { out: { type: "string" }, chromium: { type: "string", default: "/usr/bin/chromium" }, only: { type: "string" } } });

/** How a page is looked at: every state in the first way, these states in all of them. */
const ALL_WAYS = { popup: ["alarm", "hostile"], options: ["usual"], welcome: ["first"], authorities: ["usual"], viewer: ["usual"] };
const WAYS = [
  { name: "light", locale: "en", scheme: "light" },
  { name: "dark", locale: "de", scheme: "dark" },
  { name: "rtl", locale: "ar", scheme: "light" },
  { name: "chinese", locale: "zh_CN", scheme: "dark" },
];

const site = await serve();
const browser = await puppeteer.launch({ executablePath: given.chromium, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
let looked = 0;
try {
  if (given.out) mkdirSync(given.out, { recursive: true });
  for (const [page, states] of Object.entries(STATES)) {
    if (given.only && page !== given.only) continue;
    const [first] = WAYS;
    for (const state of Object.keys(states)) await look(page, state, first);
    for (const way of WAYS.slice(1)) for (const state of ALL_WAYS[page]) await look(page, state, way);
  }
} finally {
  await browser.close();
  site.close();
}
console.log(`${looked} views: no violation, nothing wider than its page, no script or style that the policy forbids`);

async function look(name, state, way) {
  const page = await browser.newPage();
  const said = [];
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url ?? "") && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  try {
    await page.setBypassCSP(false);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: way.scheme }]);
    await page.setViewport({ width: name === "popup" ? 400 : 820, height: 600 });
    await page.goto(`${site.address}/${name}.html?state=${state}&locale=${way.locale}`, { waitUntil: "networkidle0" });
    await unfold(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const where = `${name} ${state} ${way.name}`;
    if (given.out) await page.screenshot({ path: join(given.out, `${name}-${state}-${way.name}.png`), fullPage: true });
    assert.ok(wide <= 0, `${where}: ${wide} pixels too wide`);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`)]), [], where);
    assert.equal(await page.evaluate(() => document.querySelectorAll("img[onerror], script:not([src])").length), 0, `${where}: markup of strangers`);
    assert.doesNotMatch(await page.evaluate(() => document.body.textContent), /[\u202a-\u202e\u2066\u2067]/, `${where}: text turned around by strangers`);
    assert.deepEqual(said, [], where);
    looked += 1;
    if (name === "popup" && state === "several-paths") await walk(page, where);
  } finally {
    await page.close();
  }
}

/** Opens what opens, so that all of it is looked at. */
async function unfold(page, name) {
  if (name === "viewer") {
    await page.type("#paste", "-----BEGIN CERTIFICATE-----");
    await page.click("button[type=submit]");
  }
  await page.evaluate(() => {
    for (const closed of document.querySelectorAll("details:not([open])")) closed.open = true;
    for (const button of document.querySelectorAll(".reasons button, [role=treeitem]")) button.click();
    for (const part of document.querySelectorAll("main > details.part")) {
      if (part.querySelector("fieldset") !== null) [...part.querySelectorAll("button")].at(0)?.click();
    }
  });
  await new Promise((ready) => setTimeout(ready, 150));
}

/** The tree by keys alone, with what a screen reader is told of it. */
async function walk(page, where) {
  const told = (attribute) => page.evaluate((name) => document.activeElement?.getAttribute(name), attribute);
  const count = await page.evaluate(() => document.querySelectorAll("[role=treeitem]").length);
  await page.evaluate(() => document.querySelector("[role=treeitem]").focus());
  await page.keyboard.press("ArrowDown");
  assert.equal(await told("aria-level"), "2", where);
  await page.keyboard.press("Enter");
  assert.equal(await told("aria-selected"), "true", where);
  await page.waitForSelector(".panel dl");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await told("aria-expanded"), "false", where);
  const hidden = await page.evaluate(() => document.querySelectorAll("[role=treeitem][hidden]").length);
  assert.ok(hidden > 0 && hidden < count, `${where}: ${hidden} of ${count} hidden`);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await told("aria-level"), "2", where);
  assert.equal(await page.evaluate(() => document.querySelectorAll("[role=treeitem][tabindex='0']").length), 1, `${where}: one place for the tab key`);
}
