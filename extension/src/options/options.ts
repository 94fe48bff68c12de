/** What somebody may choose, what an organisation has chosen, and what is kept. */
import { ask } from "../ask";
import type { DeclaredCa, Settings } from "../messages";
import { button, code, el, found, hostile } from "../pages/dom";
import { read, readDeclared, MOST_BYTES as MOST_SETTINGS_BYTES, type Wrong, write } from "../pages/declarations";
import { download, MOST_BYTES, takeDrops, toBase64 } from "../pages/files";
import { asksForData, attempt, complain, helperTold, linkTo, markWord, requestHelper, returnHelper, shape, start, tell } from "../pages/page";
import { day, keyed, moment, say, word } from "../pages/words";
import { figures } from "./figures";

let settings: Settings;

start(async () => {
  const [now, withData] = await Promise.all([ask("settings", {}), asksForData()]);
  settings = now;
  draw();
  listenToDeclarations();
  listenToSwitches(withData);
  listenToFiles();
  found("forget").addEventListener("click", () => attempt(async () => {
    await ask("forget", {});
    await drawKept();
    tell(word("forgotten_all"));
  }));
  fromAddress();
  await Promise.all([drawHelper(), drawKept(), figures(found("figures"))]);
});

/** Another page of ours may name a key to declare. */
function fromAddress(): void {
  const named = /^#spki=([0-9a-f]{64})$/.exec(location.hash)?.[1];
  if (named !== undefined) found<HTMLInputElement>("spki").value = named;
  if (named !== undefined) found("label").focus();
}

async function keep(changes: Partial<Settings>): Promise<void> {
  const { settings: kept, trouble } = await ask("save", { settings: { ...settings, ...changes } });
  settings = kept;
  draw();
  if (trouble !== null) throw new Error(trouble);
  tell(word("saved"));
}

function draw(): void {
  const check = found<HTMLInputElement>("check");
  check.checked = settings.networkCheck;
  check.disabled = settings.locked.includes("networkCheck");
  const helper = found<HTMLInputElement>("use-helper");
  helper.checked = settings.helper;
  helper.disabled = settings.locked.includes("helper");
  found("form").hidden = settings.locked.includes("declared");
  found("declared").replaceChildren(...(settings.declared.length === 0 ? [el("li", { class: "soft" }, word("declared_none"))] : settings.declared.map(entry)));
  found("consent-state").replaceChildren(word(settings.consent ? "consent_given" : "no_consent"));
  const withdraw = button(word("consent_withdraw"), () => attempt(() => keep({ consent: false })));
  found("consent").replaceChildren(settings.consent ? withdraw : linkTo("welcome", word("to_welcome")));
}

function entry(one: DeclaredCa): HTMLElement {
  const past = one.expires <= Date.now();
  const name = el("strong", {}, hostile(one.label));
  const remove = button(word("remove"), () => attempt(() => keep({ declared: settings.declared.filter((other) => other !== one) })), {
    "aria-label": word("remove_this", one.label),
  });
  const fixed = one.managed || settings.locked.includes("declared");
  return el(
    "li",
    { class: "declared" },
    el("div", {}, name, " ", el("span", { class: "soft" }, say(past ? "declared_past" : "declared_until", day(one.expires))), code(one.spkiSha256)),
    fixed ? el("span", { class: "tag" }, word("managed")) : remove,
  );
}

function listenToDeclarations(): void {
  const [spki, label, expires] = ["spki", "label", "expires"].map((id) => found<HTMLInputElement>(id)) as [HTMLInputElement, HTMLInputElement, HTMLInputElement];
  expires.value = new Date(Date.now() + YEAR).toISOString().slice(0, 10);
  found("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const one = readDeclared(spki.value, label.value, expires.value);
    const bad = "wrong" in one ? one : one.expires <= Date.now() ? ({ wrong: "past", about: expires.value } as const) : null;
    wrong(bad);
    if (bad !== null || "wrong" in one) return;
    attempt(async () => {
      await keep({ declared: [...settings.declared.filter((other) => other.managed || other.spkiSha256 !== one.spkiSha256), one] });
      spki.value = "";
      label.value = "";
    });
  });
  const take = (files: File[]) => attempt(async () => {
    const [file] = files;
    if (file === undefined) return;
    if (file.size > MOST_BYTES) return complain(say("viewer_too_large", String(MOST_BYTES)));
    const { details, trouble } = await ask("view", { files: [await toBase64(file)], host: "" });
    // Of a chain the last one vouches for the others.
    const authority = details.findLast((one) => one.isCa) ?? details.at(-1);
    if (authority === undefined) return complain(say("viewer_trouble", trouble ?? ""));
    spki.value = authority.spkiSha256;
    label.value ||= [...authority.subject].slice(0, 100).join("");
    label.focus();
  });
  found("file").addEventListener("change", () => take([...(found<HTMLInputElement>("file").files ?? [])]));
  takeDrops(found("drop"), take);
}

const YEAR = 365 * 86_400_000;
const FIELDS: Partial<Record<Wrong["wrong"], string>> = { spki: "spki", label: "label", day: "expires", past: "expires" };

/** Tells what is wrong beside the field, and goes there. */
function wrong(what: Wrong | null): void {
  const place = found("wrong");
  place.hidden = what === null;
  place.replaceChildren(what === null ? "" : say(keyed("wrong", what.wrong), what.about));
  for (const id of new Set(Object.values(FIELDS))) found(id).setAttribute("aria-invalid", String(what !== null && FIELDS[what.wrong] === id));
  const field = what === null ? undefined : FIELDS[what.wrong];
  if (field !== undefined) found(field).focus();
}

function listenToSwitches(withData: boolean): void {
  const check = found<HTMLInputElement>("check");
  check.addEventListener("change", () => attempt(() => keep({ networkCheck: check.checked })));
  const helper = found<HTMLInputElement>("use-helper");
  helper.addEventListener("change", () => {
    const wanted = helper.checked;
    const asked = wanted ? requestHelper(withData) : returnHelper(withData).catch(() => true);
    attempt(async () => {
      const granted = await asked;
      await keep({ helper: wanted && granted });
      if (wanted && !granted) complain(word("not_granted"));
      await drawHelper();
    });
  });
}

function listenToFiles(): void {
  found("save").addEventListener("click", () => download("mintwatch-settings.json", write(settings)));
  const choice = found<HTMLInputElement>("import");
  choice.addEventListener("change", () => attempt(async () => {
    const file = choice.files?.[0];
    if (file === undefined) return;
    const carried = file.size > MOST_SETTINGS_BYTES ? ({ wrong: "large", about: "" } as const) : read(await file.text());
    choice.value = "";
    if ("wrong" in carried) return complain(say("settings_refused", say(keyed("wrong", carried.wrong), carried.about)));
    await keep({ networkCheck: carried.networkCheck, declared: [...settings.declared.filter((one) => one.managed), ...carried.declared] });
  }));
}

async function drawHelper(): Promise<void> {
  found("helper-state").replaceChildren(helperTold(await ask("helperState", {})));
}

async function drawKept(): Promise<void> {
  const findings = await ask("findings", {});
  found<HTMLButtonElement>("forget").disabled = findings.length === 0;
  found("kept").replaceChildren(
    ...(findings.length === 0
      ? [el("li", { class: "soft" }, word("kept_none"))]
      : findings.map((one) =>
          el(
            "li",
            { class: "entry" },
            shape(one.mark),
            el("span", {}, el("a", { href: `popup.html?key=${encodeURIComponent(one.key)}` }, hostile(one.host)), " ", markWord(one.mark), el("span", { class: "soft" }, " ", word(keyed("cause", one.cause)), " · ", moment(one.at))),
          ),
        )),
  );
}
