// A background that is suspended, made anew or trapped; whom a browser with the extension connects to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BROWSERS, atMost, firefox, sleep, until, url, witness } from "./harness.mjs";

const TIME = { timeout: 300_000 };

/** Suspends the background; what comes next must wake it. */
async function suspend(session) {
  if (session.name === "chromium") {
    const target = await session.browser.waitForTarget((one) => one.url() === `${session.base}background.js`);
    await (await target.worker()).close();
    return;
  }
  // The pages of the extension are closed: an open one keeps no background, but what it asks wakes it.
  await sleep(4_000);
}

test("a suspended background is woken by the next connection, and knows what it knew", TIME, async (context) => {
  const prefs = { "extensions.background.idle.timeout": 1_500 };
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      const session = await launch({ prefs });
      try {
        const first = url("www.northbank.example", "sleep/plain");
        await session.open(first);
        await session.tab(first);
        await sleep(600);
        const before = await session.ask("about");
        await suspend(session);
        const second = url("www.delta-credit.example", "sleep/plain");
        await session.open(second);
        assert.equal((await session.tab(second)).main.cause, "clear");
        assert.equal((await session.tab(first)).main.cause, "clear", "of the time before the sleep");
        const about = await session.ask("about");
        assert.equal(about.seen, before.seen + 1);
        assert.equal(about.missed, before.missed);
      } finally {
        await session.close();
      }
    });
  }
});

// Firefox alone: a Chromium that is driven from outside does not always bring an extension back that loaded itself anew.
test("an extension that is loaded anew amid a page sees what comes after", TIME, async (context) => {
  for (const [name, launch] of BROWSERS.filter(([name]) => name === "Firefox")) {
    await context.test(name, async () => {
      const session = await launch();
      try {
        const at = url("www.ministry-health.test", "reload/plain");
        const page = await session.open(at);
        await session.tab(at);
        const ask = (of) => fetch(of).then((answer) => answer.text(), () => "ended");
        const slow = page.evaluate(ask, url("www.ministry-health.test", "reload/slow"));
        await atMost(1_000, session.evaluate(() => (globalThis.browser ?? chrome).runtime.reload()));
        assert.equal(await slow, "late");
        await until("the extension is back", async () => {
          session.control = await session.extensionPage("options.html");
          return (await session.ask("settings")).consent;
        }, 30_000);
        const next = url("tax.treasury.test", "reload/plain");
        await session.open(next);
        const state = await session.tab(next);
        assert.equal(state.main.cause, "clear");
        assert.equal((await session.ask("about")).missed, 0);
      } finally {
        await session.close();
      }
    });
  }
});

test("after a trap the judge is made anew, and nothing is called clear that was not judged", TIME, async () => {
  const session = await firefox();
  try {
    await assert.rejects(session.ask("trap"));
    assert.equal((await session.ask("about")).remade, 1);
    const read = url("www.northbank.example", "trap/plain");
    await session.open(read);
    assert.equal((await session.tab(read)).main.cause, "clear");
  } finally {
    await session.close();
  }
});

/** Opens the same pages with and without the extension, past a proxy that writes down whom the browser asks for. */
async function asked(launch, extension, run) {
  const way = await witness();
  try {
    const session = await launch({ proxy: way.port, ...(extension ? {} : { extension: null }) });
    try {
      for (const host of ["www.northbank.example", "www.daily-courier.example"]) {
        await session.open(`https://${host}/leak/plain`);
        if (extension) await session.tab(`https://${host}/leak/plain`);
      }
      await sleep(1_500);
      if (run === undefined) return [...way.asked];
      const sofar = way.asked.length;
      const more = await run(session);
      return { more, since: way.asked.slice(sofar) };
    } finally {
      await session.close();
    }
  } finally {
    way.stop();
  }
}

test("no host is asked for but those that the person opened", TIME, async (context) => {
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      const ports = (all) => new Set(all.map((one) => one.replace(/^http:\/\//, "")));
      const without = ports(await asked(launch, false));
      const withIt = ports(await asked(launch, true));
      assert.ok(withIt.has("www.northbank.example:443") && without.has("www.northbank.example:443"), "the proxy is asked at all");
      const own = /(^|\.)(mozilla\.(com|org|net)|firefox\.com|mozgcp\.net|google\.com|gstatic\.com|googleapis\.com)(:\d+)?$/;
      // A browser's own errands come at moments of their own: a run may lack them.
      const more = [...withIt].filter((one) => !without.has(one) && !own.test(one));
      assert.deepEqual(more, []);
    });
  }
});

test("a check asks hosts of the pool, each once and without credentials, and tells what it saw", TIME, async (context) => {
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      const { more, since } = await asked(launch, true, async (session) => {
        await session.ask("check", { start: true });
        return until("the check is over", async () => {
          const state = await session.ask("check", { start: false });
          if (state.running || state.finished === null || state.rows.length < state.asked) throw new Error(JSON.stringify(state).slice(0, 2_000));
          return state;
        }, 60_000);
      });
      assert.ok(more.asked >= 10, `${more.asked} hosts`);
      assert.equal(more.answered, more.asked);
      const hosts = new Set(more.rows.map((row) => `${row.host}:443`));
      const named = since.filter((one) => hosts.has(one));
      assert.equal(new Set(named).size, more.asked);
      assert.ok(more.rows.every((row) => row.source === "check" && row.mark === "none"), JSON.stringify(more.rows));
    });
  }
});
