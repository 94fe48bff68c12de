// The helper: the browser starts the native program by what `mintwatch install-host` wrote, and the two understand each other.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { BROWSERS, world } from "./harness.mjs";

test("the helper is started, says hello, and looks at nobody who is not public", { timeout: 300_000 }, async (context) => {
  for (const [name, launch] of BROWSERS) {
    await context.test(name, async () => {
      // Asking a person for the permission cannot be done here: this copy of the extension has it.
      const session = await launch({ manifest: (whole) => ({ ...whole, permissions: [...whole.permissions, "nativeMessaging"], optional_permissions: [] }) });
      try {
        assert.equal(await session.ask("helperState"), "off", "nobody is asked before the person wanted it");
        const settings = await session.ask("settings");
        await session.ask("save", { settings: { ...settings, helper: true } });
        assert.equal(await session.ask("helperState"), "not-installed");

        const where = name === "Firefox" ? ["--browser", "firefox"] : ["--folder", session.profile];
        const environment = { PATH: process.env.PATH, HOME: session.home };
        execFileSync(world.mintwatch, ["install-host", ...where], { env: environment, stdio: "pipe" });
        // A change of settings has the extension ask anew.
        await session.ask("save", { settings: { ...settings, helper: true, networkCheck: !settings.networkCheck } });
        await session.ask("save", { settings: { ...settings, helper: true } });
        assert.equal(await session.ask("helperState"), "ready");

        const looked = await session.ask("helperLook", { host: "127.0.0.1", port: world.origin });
        assert.equal(looked.whole, null);
        assert.match(looked.trouble, /public/);
        assert.equal(await session.ask("helperState"), "ready", "a refused look is no failure of the helper");
      } finally {
        await session.close();
      }
    });
  }
});
