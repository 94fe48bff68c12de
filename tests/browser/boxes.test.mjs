// Boxes and switches of which a browser has one at a time: mitmproxy, errors let pass, a portal, a Chromium that shows nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BROWSERS, chromium, firefox, mitmproxy, url, world } from "./harness.mjs";

const TIME = { timeout: 300_000 };
const publicRoots = world.publicRoots;

test("mitmproxy, whose root was added to the browser, is a warning", TIME, async (context) => {
  const box = await mitmproxy();
  try {
    for (const [name, launch] of BROWSERS) {
      await context.test(name, async () => {
        const session = await launch({ roots: [...publicRoots, box.root], proxy: box.port });
        try {
          const read = url("www.daily-courier.example", "mitm/plain");
          await session.open(read);
          const state = await session.tab(read);
          assert.equal(state.main.report.hosts[0].chain.length, name === "Firefox" ? 2 : 1);
          if (name === "Chromium") {
            // One end-entity by itself shows an issuer that nobody knows; three unrelated sites show who stands before all of them.
            assert.notEqual(state.mark, "none");
            assert.ok(state.main.report.findings.some((one) => one.detector === "interception-product"));
            for (const host of ["www.northbank.example", "www.openlexicon.example"]) await session.open(url(host, "mitm/plain"));
            const later = await session.tab(read, ({ mark }) => mark === "warning");
            assert.match(later.main.cause, /^(local|untrusted)-interception$/);
            return;
          }
          assert.equal(state.main.cause, "local-interception");
          assert.equal(state.mark, "warning");
          // What a person declares as their own is told, and no warning.
          const spkiSha256 = state.main.report.hosts[0].anchors[0].spki_sha256;
          const settings = await session.ask("settings");
          const declared = [{ spkiSha256, label: "our filter", expires: Date.now() + 86_400_000, managed: false }];
          assert.equal((await session.ask("save", { settings: { ...settings, declared } })).trouble, null);
          const told = await session.tab(read, ({ mark }) => mark === "info");
          assert.equal(told.main.declared, "our filter");
        } finally {
          await session.close();
        }
      });
    }
  } finally {
    await box.stop();
  }
});

test("an error that somebody let pass is told, with the end-entity that came", TIME, async (context) => {
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      const session = await launch({ insecure: true });
      try {
        for (const [host, why] of [["untrusted.broken.example", "trust"], ["expired.broken.example", "time"], ["wrong-host.broken.example", "name"]]) {
          const read = url(host, "", world.broken);
          await session.open(read);
          const state = await session.tab(read);
          assert.equal(state.main.note, `overridden-${name === "Firefox" ? why : "unnamed"}`);
          assert.equal(state.main.report.hosts[0].chain.length, 1, "the end-entity is shown");
          assert.notEqual(state.main.cause, "clear");
          assert.notEqual(state.mark, "none");
        }
      } finally {
        await session.close();
      }
    });
  }
});

test("a Chromium that shows no certificates is told as that, and nothing there is called clear", TIME, async () => {
  const session = await chromium({ feature: false });
  try {
    const read = url("www.northbank.example", "off/plain");
    const page = await session.open(read);
    await page.evaluate((of) => fetch(of).then((answer) => answer.text()), url("www.northbank.example", "off/data.json"));
    const state = await session.tab(read, ({ sight }) => sight === "feature-off");
    assert.equal(state.main, null);
    assert.equal(state.mark, "unknown");
    assert.ok(state.missed > 0);
    assert.equal((await session.ask("about")).judged, 0);
    const popup = await session.extensionPage(`popup.html?tab=${state.tabId}`);
    assert.match(await popup.evaluate(() => document.body.textContent), /chrome:\/\/flags|web-request-security-info/i);
  } finally {
    await session.close();
  }
});

test("before a captive portal, what fails is put down to the portal", TIME, async () => {
  const session = await firefox({
    prefs: {
      "network.captive-portal-service.enabled": true,
      "captivedetect.canonicalURL": `http://127.0.0.1:${world.http}/canonical.html`,
      "network.captive-portal-service.minInterval": 500,
    },
  });
  try {
    const refused = url("untrusted.broken.example", "portal", world.broken);
    await session.open(refused, 4_000);
    const state = await session.tab(refused, ({ portal, main }) => portal && main?.report != null);
    assert.equal(state.portal, true);
    assert.ok(!state.main.cause.includes("interception"), state.main.cause);
    assert.equal(state.mark, "unknown");
  } finally {
    await session.close();
  }
});
