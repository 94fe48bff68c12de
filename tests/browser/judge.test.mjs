// The judge inside both browsers: the same bytes as the native one; and what a browser pays for it.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BROWSERS, firefox, url, world } from "./harness.mjs";

const TIME = { timeout: 480_000 };
const folder = join(world.folder, "parity");
const names = readdirSync(folder).filter((name) => name.endsWith(".evidence.json")).map((name) => name.slice(0, -".evidence.json".length));
const read = (name) => readFileSync(join(folder, name), "utf8");
const overlays = new Set(readdirSync(folder).filter((name) => name.endsWith(".overlay.json")));

test("every replay is judged to the same bytes as by the native judge", TIME, async (context) => {
  assert.ok(names.length > 30, `${names.length} replays`);
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      const session = await launch();
      try {
        await session.evaluate(async (base) => {
          const judge = await import(`${base}mintwatch.js`);
          await judge.default({ module_or_path: `${base}mintwatch_bg.wasm` });
          const keys = await (await fetch(`${base}mintwatch_issuer_keys.bin`)).arrayBuffer();
          judge.loadIssuerKeys(new Uint8Array(keys));
          globalThis.judgeOf = (evidence, overlay) => (overlay === null ? judge.judge(evidence) : judge.judgeWithOverlay(evidence, overlay));
        }, session.base);
        for (const one of names) {
          const overlay = overlays.has(`${one}.overlay.json`) ? read(`${one}.overlay.json`) : null;
          const report = await session.evaluate((...words) => globalThis.judgeOf(...words), read(`${one}.evidence.json`), overlay);
          assert.ok(report === read(`${one}.report.json`), `${one}: the bytes differ`);
        }
        const about = await session.ask("about");
        console.log(`${name}: ${names.length} documents the same; the judge was ready after ${about.startUp.toFixed(0)} ms`);
      } finally {
        await session.close();
      }
    });
  }
});

test("what a request costs in Firefox, with the extension and without", TIME, async () => {
  const told = {};
  for (const [what, extension] of [["without", null], ["with", "firefox"]]) {
    const session = await firefox({ extension });
    try {
      const page = await session.open(url("www.chatterbox.example", "cost/plain"));
      const times = await page.evaluate(async (base) => {
        const times = [];
        for (let at = 0; at < 1_050; at += 1) {
          const began = performance.now();
          await fetch(`${base}/${at}.json`).then((answer) => answer.text());
          times.push(performance.now() - began);
        }
        // The first ones wait for a connection and a judge.
        return times.slice(50).sort((one, other) => one - other);
      }, url("www.chatterbox.example", "cost"));
      assert.equal(times.length, 1_000);
      told[what] = { median: times[500], p95: times[950] };
    } finally {
      await session.close();
    }
  }
  mkdirSync(world.target, { recursive: true });
  writeFileSync(join(world.target, "extension-cost.json"), `${JSON.stringify(told, null, 2)}\n`);
  console.log(`milliseconds a request in Firefox, of 1000: ${JSON.stringify(told)}`);
});
