// What the extension makes of connections: of clean ones, of those that boxes have ended, and of those that fail.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BROWSERS, FILTER, log, sleep, until, url, world } from "./harness.mjs";

for (const [name, launch] of BROWSERS) {
  describe(name, { timeout: 480_000 }, () => {
    const isFirefox = name === "Firefox";
    let session;
    before(async () => {
      session = await launch({ roots: [...FILTER, world.hostileRoot] });
    });
    after(() => session?.close());

    test("a clean origin is clear, and its page has no mark", async () => {
      const clean = url("www.lantern-search.example", "clean/plain");
      await session.open(clean);
      const state = await session.tab(clean);
      assert.equal(state.main.cause, "clear");
      assert.equal(state.mark, "none");
      assert.equal(state.sight, isFirefox ? "chain" : "end-entity");
      assert.equal(state.main.report.hosts[0].chain.length, isFirefox ? 3 : 1);
      assert.deepEqual(await session.badge(state.tabId).then(({ text }) => text), "");
    });

    test("who holds a subordinate CA below a public root is called what MCS was", async () => {
      const read = url("www.northbank.example", "mcs/plain", world.mcs);
      await session.open(read);
      const state = await session.tab(read);
      if (isFirefox) {
        assert.equal(state.main.cause, "public-authority-interception");
        assert.equal(state.mark, "alarm");
        assert.deepEqual((await session.badge(state.tabId)).text, "X");
        const kept = await session.ask("findings");
        assert.ok(kept.some((one) => one.host === "www.northbank.example" && one.mark === "alarm"));
      } else {
        // The end-entity alone names an issuer that nobody disclosed.
        assert.notEqual(state.mark, "none");
        assert.notEqual(state.main.cause, "clear");
      }
    });

    test("a filter whose root was added to the browser is a warning", async () => {
      const read = url("www.delta-credit.example", "filter/plain", world.filter);
      await session.open(read);
      const state = await session.tab(read);
      assert.notEqual(state.mark, "none");
      assert.notEqual(state.main.cause, "clear");
      if (!isFirefox) return;
      assert.equal(state.main.cause, "local-interception");
      assert.equal(state.mark, "warning");
      assert.equal((await session.badge(state.tabId)).text, "!");
      const rows = await session.ask("authorities");
      assert.ok(rows.some((row) => row.kind === "local" && row.name.includes("Contoso TEST Lab") && row.mark === "warning"), JSON.stringify(rows));
    });

    test("frames, images, scripts, requests of scripts and WebSockets on other hosts are seen", async () => {
      const whole = url("www.polytechnic.test", "part/parts");
      const page = await session.open(whole);
      assert.deepEqual(await page.evaluate(() => globalThis.all), ["heard hello", "{}"]);
      const parts = ["live.daily-courier.example", "packages.codeharvest.example", "static.swiftedge.example", "www.chatterbox.example", "www.openlexicon.example"];
      const state = await session.tab(whole, ({ others }) => others.filter((one) => one.cause !== "not-looked").length >= parts.length);
      assert.deepEqual(state.others.map((one) => one.host).sort(), parts);
      assert.ok(state.others.every((one) => one.cause === "clear"), JSON.stringify(state.others));
      assert.equal(state.missed, 0);
    });

    test("one intercepted part of a clean page marks the page", async () => {
      const clean = url("www.clinic-portal.test", "mixed/plain");
      const page = await session.open(clean);
      await session.tab(clean, ({ mark }) => mark === "none");
      await page.evaluate((part) => fetch(part).then((answer) => answer.text()), url("login.northbank.example", "mixed/data.json", world.mcs));
      const state = await session.tab(clean, ({ others }) => others.length === 1 && others[0].cause !== "not-looked");
      assert.equal(state.main.mark, "none");
      assert.equal(state.mark, state.others[0].mark === "alarm" || state.others[0].mark === "warning" ? state.others[0].mark : "none");
      if (isFirefox) assert.equal(state.mark, "alarm");
    });

    test("a redirect is followed to the page it ends at", async () => {
      const from = url("mail.lantern-search.example", "redirect/redirect");
      await session.open(from);
      const state = await session.tab(url("www.northbank.example", "redirected/plain"));
      assert.equal(state.host, "www.northbank.example");
      assert.equal(state.main.cause, "clear");
    });

    test("what the browser refuses is told as refused, and as nobody's interception", async () => {
      for (const host of ["expired.broken.example", "self-signed.broken.example", "untrusted.broken.example", "wrong-host.broken.example"]) {
        const refused = url(host, "", world.broken);
        const page = await session.open(refused, 4_000);
        await sleep(300);
        const ids = await session.evaluate(async () => (await (globalThis.browser ?? chrome).tabs.query({})).map((tab) => tab.id));
        const states = await until(`${host} is told`, async () => {
          const all = await Promise.all(ids.map((tabId) => session.ask("tab", { tabId })));
          const found = all.filter((one) => one.main?.host === host);
          if (found.length === 0) throw new Error(JSON.stringify(all.map((one) => [one.host, one.main?.host])));
          return found;
        });
        for (const { main, mark } of states) {
          assert.ok(main.note, "the page names why");
          assert.ok(!main.cause.includes("interception"), `${host}: ${main.cause}`);
          assert.ok(mark === "unknown" || mark === "info", `${host}: ${mark}`);
        }
        await page.close();
      }
    });

    test("a response from the cache is old evidence and only counted", async () => {
      const at = url("tax.treasury.test", "cache/plain");
      const page = await session.open(at);
      await session.tab(at);
      const about = await session.ask("about");
      const ask = () => page.evaluate((of) => fetch(of, { cache: "force-cache" }).then((answer) => answer.text()), url("tax.treasury.test", "cache/cached"));
      assert.equal(await ask(), "keep me");
      assert.equal(await ask(), "keep me");
      const later = await until("both are counted", async () => {
        const now = await session.ask("about");
        return now.seen === about.seen + 1 && now.fromCache === about.fromCache + 1 ? now : null;
      });
      assert.equal(later.missed, about.missed);
      assert.equal((await log()).requests.cache, (isFirefox ? 0 : 2) + 2, "the server was asked once a browser");
    });

    test("kept-alive and new connections are seen alike", async () => {
      const at = url("www.reel-theatre.example", "again/plain");
      const page = await session.open(at);
      await session.tab(at);
      const { seen, missed } = await session.ask("about");
      for (const path of ["again/a.json", "again/close", "again/b.json", "again/close", "again/c.json"]) {
        await page.evaluate((of) => fetch(of).then((answer) => answer.text()), url("www.reel-theatre.example", path));
      }
      await until("all are seen", async () => (await session.ask("about")).seen === seen + 5);
      assert.equal((await session.ask("about")).missed, missed);
      const { handshakes } = await log();
      assert.ok(Object.keys(handshakes).some((one) => one === "www.reel-theatre.example resumed"), "a session was resumed");
      assert.equal((await session.tab(at)).main.requests, 6);
    });

    test("of a thousand requests none is missed", async () => {
      const word = `thousand${name}`;
      const at = url("www.chatterbox.example", `${word}/plain`);
      const page = await session.open(at);
      await session.tab(at);
      const before = { ...(await session.ask("about")), sent: (await log()).requests[word] };
      // In parts, so that a slow machine answers each in time.
      for (let part = 0; part < 10; part += 1) {
        await page.evaluate(async (base) => {
          const lane = async (lane) => {
            for (let at = 0; at < 10; at += 1) await fetch(`${base}/${lane}-${at}.json`).then((answer) => answer.text());
          };
          await Promise.all(Array.from({ length: 10 }, (_, at) => lane(at)));
        }, url("www.chatterbox.example", `${word}/${part}`));
      }
      const sent = (await log()).requests[word] - before.sent;
      assert.equal(sent, 1_000);
      const about = await until("all are seen", async () => {
        const now = await session.ask("about");
        if (now.seen - before.seen !== sent) throw new Error(`${now.seen - before.seen} seen, ${now.missed - before.missed} missed`);
        return now;
      });
      assert.equal(about.missed, before.missed);
    });

    test("hostile names in certificates are inert text in popup and viewer", async () => {
      const at = url("www.hostile.example", "hostile/plain");
      await session.open(at);
      const state = await session.tab(at);
      const details = await session.ask("details", { key: state.main.key });
      assert.ok(details[0].subject.includes("onerror"), details[0].subject);
      const popup = await session.extensionPage(`popup.html?tab=${state.tabId}`);
      const viewer = await session.extensionPage("viewer.html");
      await viewer.evaluate(() => globalThis.__ready);
      for (const page of [popup, viewer]) {
        if (page === viewer) await drop(viewer, details);
        await until("the names are shown", () => page.evaluate(() => document.body.textContent.includes("onerror")));
        const found = await page.evaluate(() => {
          // Whatever is folded is opened, so that all of it is looked at.
          for (const one of document.querySelectorAll("details")) one.open = true;
          const text = document.documentElement.textContent + [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes].map((attribute) => attribute.value)).join("");
          return {
            injected: document.querySelectorAll("img[src='x'], body script:not([src]), [onerror]").length,
            raw: [...text].filter((letter) => /[\u202a-\u202e\u2066-\u2069\u200b\u0007]/u.test(letter)).length,
            title: document.title,
          };
        });
        assert.deepEqual({ injected: found.injected, raw: found.raw }, { injected: 0, raw: 0 });
        assert.notEqual(found.title, "taken");
        await page.close();
      }
    });

    test("a page of the web cannot speak to the background", async () => {
      const at = url("pay.tannery-shop.example", "stranger/plain");
      const page = await session.open(at);
      const said = await page.evaluate(async (base) => {
        const runtime = globalThis.browser?.runtime ?? globalThis.chrome?.runtime;
        const id = new URL(base).host;
        const direct = await Promise.resolve()
          .then(() => runtime.sendMessage(id, { kind: "settings" }))
          .catch(() => "refused");
        const frame = document.createElement("iframe");
        frame.src = `${base}options.html`;
        document.body.append(frame);
        const file = await fetch(`${base}manifest.json`).then(() => "read", () => "refused");
        return { direct: direct ?? "refused", file };
      }, session.base);
      assert.deepEqual(said, { direct: "refused", file: "refused" });
    });
  });
}

/** Hands certificates over as files that somebody dropped. */
async function drop(viewer, details) {
  await viewer.evaluate((ders) => {
    const lines = (der) => der.match(/.{1,64}/g).join("\n");
    const text = ders.map((der) => `-----BEGIN CERTIFICATE-----\n${lines(der)}\n-----END CERTIFICATE-----\n`).join("");
    const files = new DataTransfer();
    files.items.add(new File([text], "hostile.pem", { type: "application/x-pem-file" }));
    const input = document.querySelector("input[type=file]");
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, details.map((one) => one.der));
}
