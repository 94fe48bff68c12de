/** The popup: what is known of the tab in front. */
import { api } from "../api";
import { ask } from "../ask";
import type { Settings, Summary, TabState, Whole } from "../messages";
import { button, type Child, el, english, found, foldable, hostile } from "../pages/dom";
import { attempt, complain, EVERY_HOST, helperTold, linkTo, markWord, requestHosts, shape, start, tell } from "../pages/page";
import { drawReport } from "../pages/report";
import { keyed, number, say, word } from "../pages/words";
import { check } from "./check";
import { evidence } from "./evidence";

/** How often the popup asks whether something is new, in milliseconds. */
const EVERY = 2_000;

start(async () => {
  found("ways").append(linkTo("authorities", word("to_authorities")), linkTo("viewer", word("to_viewer")), linkTo("options", word("to_options")));
  const kept = new URLSearchParams(location.search).get("key");
  if (kept !== null) return showKept(kept);
  found("back").addEventListener("click", () => attempt(show));
  await show();
  setInterval(() => void watch().catch(() => undefined), EVERY);
});

/** What is drawn now, to see whether there is something newer. */
let drawn = "";
/** Whether another host of the tab is looked at: nothing takes a person away from it. */
let isElsewhere = false;

async function show(): Promise<void> {
  const tabId = await tab();
  const [state, settings] = await Promise.all([ask("tab", { tabId }), ask("settings", {})]);
  isElsewhere = false;
  found("back").hidden = true;
  draw(state, settings);
}

/** One finding that was kept, opened as a page from the settings. */
async function showKept(key: string): Promise<void> {
  const one = await ask("whole", { key });
  if (one === null) return complain(word("forgotten"));
  visit(one);
  found("back").hidden = true;
}

function draw(state: TabState, settings: Settings): void {
  drawn = print(state);
  tell(null);
  if (!settings.consent) {
    put([notice("info", word("no_consent"), linkTo("welcome", word("to_welcome")))]);
    return;
  }
  put([...notices(state), ...main(state), ...helper(state), ...others(state), check(settings, list)]);
}

/** The tab in front; one that the address names, where the popup is opened as a page. */
async function tab(): Promise<number> {
  const named = new URLSearchParams(location.search).get("tab");
  if (named !== null) return Number(named);
  const [front] = await api.tabs.query({ active: true, currentWindow: true });
  return front?.id ?? -1;
}

/** Draws what is new at once where there was nothing; else offers it, for somebody is reading. */
async function watch(): Promise<void> {
  if (isElsewhere || document.querySelector("[data-busy]") !== null) return;
  const state = await ask("tab", { tabId: await tab() });
  if (print(state) === drawn) return;
  if (found("main").querySelector(".verdict") === null) return attempt(show);
  if (found("told").childElementCount === 0) tell(button(word("show_news"), () => attempt(show), { class: "link" }));
}

/** What of a tab is news: not how often something was seen again. */
function print(state: TabState): string {
  const { judged: _judged, missed: _missed, ...rest } = state;
  return JSON.stringify(rest, (name, value: unknown) => (name === "requests" ? undefined : value));
}

function put(what: Child[]): void {
  found("main").replaceChildren(...what.filter((one) => one !== null));
}

function notice(kind: "info" | "unknown", text: Child, ...more: Child[]): HTMLElement {
  return el("div", { class: `notice ${kind}` }, shape(kind), el("div", {}, el("p", {}, text), ...more));
}

function notices(state: TabState): HTMLElement[] {
  const all: (HTMLElement | null)[] = [
    state.sight === "no-permission" ? permission() : null,
    state.sight === "feature-off" ? featureOff(state) : null,
    state.portal ? notice("unknown", word("portal")) : null,
    state.isPrivate ? notice("info", word("private_window")) : null,
    state.missed > 0 ? notice("unknown", say("missed", number(state.missed))) : null,
  ];
  return all.filter((one) => one !== null);
}

function permission(): HTMLElement {
  const grant = button(word("grant"), () => {
    // Before anything is awaited: browsers ask only while they handle the click.
    const asked = requestHosts();
    attempt(async () => {
      if (await asked) await show();
      else complain(word("not_granted"));
    });
  }, { class: "main" });
  return notice("unknown", say("no_permission", EVERY_HOST.join(" ")), grant);
}

/** Where Chromium hides what it knows; it can be opened, not linked to. */
const FLAG = "chrome://flags/#web-request-security-info";

function featureOff(state: TabState): HTMLElement {
  const open = button(word("open_flag"), () => void api.tabs.create({ url: FLAG }));
  const orHelper = state.helper === "ready" ? null : linkTo("options", word("to_helper"), "#helper");
  return notice("unknown", say("feature_off", el("code", { dir: "ltr" }, FLAG)), el("div", { class: "row" }, open, orHelper));
}

function main(state: TabState): HTMLElement[] {
  if (state.main !== null) return whole(state.main);
  if (state.sight === "no-permission" || state.sight === "feature-off") return [];
  const text = state.host === null ? word("nothing_to_see") : say("nothing_yet", state.host);
  return [el("section", { class: "verdict unknown" }, shape("unknown", "large"), el("div", {}, el("h2", {}, markWord("unknown")), el("p", { class: "sentence" }, text)))];
}

function whole(one: Whole): HTMLElement[] {
  const report = drawReport({ ...one, details: () => ask("details", { key: one.key }) });
  return one.report === null ? report : [...report, evidence(one.key)];
}

function helper(state: TabState): HTMLElement[] {
  const target = state.main ?? (state.host === null ? null : { host: state.host, port: 443 });
  if (target === null || state.helper === "off") return [];
  const heading = el("h2", {}, word("helper"));
  if (state.helper !== "ready") {
    return [el("section", { class: "part" }, heading, el("p", { class: "soft" }, helperTold(state.helper), " ", linkTo("options", word("to_helper"), "#helper")))];
  }
  const result = el("div", { "aria-live": "polite" });
  const look = button(say("helper_look", target.host), () => {
    look.disabled = true;
    result.dataset["busy"] = "";
    result.replaceChildren(el("p", { class: "soft" }, word("helper_busy")));
    attempt(async () => {
      try {
        const { whole: seen, trouble } = await ask("helperLook", { host: target.host, port: target.port, isPrivate: state.isPrivate });
        if (seen !== null) visit(seen);
        else result.replaceChildren(el("p", { class: "trouble" }, word("helper_trouble"), " ", english(trouble ?? "")));
      } finally {
        look.disabled = false;
        delete result.dataset["busy"];
      }
    });
  });
  return [el("section", { class: "part" }, heading, el("p", { class: "soft" }, word("helper_ready")), look, result)];
}

function others(state: TabState): HTMLElement[] {
  if (state.others.length === 0) return [];
  const dropped = state.dropped > 0 ? el("p", { class: "soft" }, say("more", number(state.dropped))) : null;
  return [foldable(say("others", number(state.others.length + state.dropped)), {}, list(state.others), dropped)];
}

/** Hosts, each with its mark; one opens the whole of it. */
function list(hosts: Summary[]): HTMLElement {
  return el("ul", { class: "hosts" }, ...hosts.map((host) => el("li", {}, row(host))));
}

function row(host: Summary): HTMLElement {
  const open = () => attempt(async () => {
    const known = await ask("whole", { key: host.key });
    if (known === null) complain(word("forgotten"));
    else visit(known);
  });
  const name = host.port === 443 ? host.host : `${host.host}:${host.port}`;
  return button(
    el(
      "span",
      { class: "entry" },
      shape(host.mark),
      el("span", {}, hostile(name), " ", markWord(host.mark), host.mark === "none" ? null : el("span", { class: "soft" }, " ", word(keyed("cause", host.cause)))),
    ),
    open,
    { class: "bare" },
  );
}

/** Shows one host in the place of the tab's own; *back* returns. */
function visit(one: Whole): void {
  isElsewhere = true;
  found("back").hidden = false;
  put(whole(one));
  found("main").focus();
  scrollTo(0, 0);
}
