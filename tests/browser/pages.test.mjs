// The pages as they stand in the browsers, over what was really seen: no violation that axe-core finds, and pictures to look at.
import axe from "axe-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BROWSERS, FILTER, sleep, until, url, world } from "./harness.mjs";

const PICTURES = join(world.target, "screenshots");
const WAYS = [
  { name: "light", dark: false, rtl: false },
  { name: "dark", dark: true, rtl: false },
  { name: "rtl", dark: false, rtl: true },
];
const WIDTH = { popup: 400 };

test("popup, options, first page, authorities and viewer", { timeout: 480_000 }, async (context) => {
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, launch] of BROWSERS) {
    // Languages are packages of their own, but Firefox can be told to write English from the right; Arabic is in extension/test.
    for (const way of name === "Firefox" ? WAYS : WAYS.slice(0, 2)) {
      await context.test(`${name}, ${way.name}`, async () => {
        const prefs = { "layout.css.prefers-color-scheme.content-override": way.dark ? 0 : 1, "intl.l10n.pseudo": way.rtl ? "bidi" : "" };
        const session = await launch({ roots: FILTER, prefs });
        try {
          const read = url("www.northbank.example", "pages/plain", world.mcs);
          await session.open(read);
          const { tabId } = await session.tab(read);
          for (const file of ["popup", "options", "welcome", "authorities", "viewer"]) {
            const page = await session.extensionPage(`${file}.html${file === "popup" ? `?tab=${tabId}` : ""}`);
            if (name === "Chromium") await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: way.dark ? "dark" : "light" }]);
            await page.setViewport({ width: WIDTH[file] ?? 900, height: 800 });
            await until(`${file} has its text`, () => page.evaluate(() => document.querySelector("h1, h2")?.textContent.trim().length > 0));
            await sleep(300);
            const where = `${name} ${file} ${way.name}`;
            assert.equal(await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches), way.dark, where);
            assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).direction), way.rtl ? "rtl" : "ltr", where);
            await page.screenshot({ path: join(PICTURES, `${name.toLowerCase()}-${file}-${way.name}.png`) });
            await page.evaluate(`${axe.source}; undefined`);
            const violations = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html.slice(0, 200))]));
            assert.deepEqual(violations, [], where);
            await page.close();
          }
        } finally {
          await session.close();
        }
      });
    }
  }
});
