/** The first page: what is looked at, what never leaves, and whether somebody agrees. */
import { api } from "../api";
import { ask } from "../ask";
import type { Settings } from "../messages";
import { found } from "../pages/dom";
import { asksForData, attempt, complain, EVERY_HOST, helperTold, requestHelper, requestHosts, start } from "../pages/page";
import { word } from "../pages/words";

start(async () => {
  // Known before anybody clicks: after an await no permission can be asked for.
  const [settings, withData] = await Promise.all([ask("settings", {}), asksForData()]);
  const check = found<HTMLInputElement>("check");
  check.checked = settings.networkCheck;
  check.disabled = settings.locked.includes("networkCheck");
  const helper = found<HTMLButtonElement>("allow-helper");
  helper.disabled = settings.locked.includes("helper") || settings.helper;

  found("agree").addEventListener("click", () => {
    const asked = requestHosts();
    attempt(async () => {
      const granted = await asked;
      await keep({ consent: true, networkCheck: check.checked });
      found("chosen").replaceChildren(word(granted ? "welcome_agreed" : "welcome_agreed_blind"));
    });
  });
  found("decline").addEventListener("click", () =>
    attempt(async () => {
      await keep({ consent: false, networkCheck: false });
      await api.permissions.remove({ origins: EVERY_HOST }).catch(() => false);
      found("chosen").replaceChildren(word("welcome_declined"));
    }),
  );
  helper.addEventListener("click", () => {
    const asked = requestHelper(withData);
    attempt(async () => {
      if (!(await asked)) return complain(word("not_granted"));
      await keep({ helper: true });
      helper.disabled = true;
      await tellHelper();
    });
  });
  if (settings.consent) found("chosen").replaceChildren(word("welcome_agreed"));
  if (settings.helper) await tellHelper();
});

async function tellHelper(): Promise<void> {
  found("helper-state").replaceChildren(helperTold(await ask("helperState", {})));
}

async function keep(changes: Partial<Settings>): Promise<void> {
  const { trouble } = await ask("save", { settings: { ...(await ask("settings", {})), ...changes } });
  if (trouble !== null) throw new Error(trouble);
}
