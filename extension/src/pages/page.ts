/** What every page does: its texts first, then its work, and what went wrong in words. */
import { api } from "../api";
import type { HelperState, Mark } from "../messages";
import { type Child, code, el, english, found } from "./dom";
import { keyed, localise, say, word } from "./words";

/** Shows a page; what fails is told in the element `#trouble`. */
export function start(work: () => Promise<void>): void {
  localise();
  attempt(work);
}

/** Does something that may fail, and tells it where it does. */
export function attempt(work: () => Promise<void>): void {
  complain(null);
  work().catch((error: unknown) => complain(say("trouble_background", english(error instanceof Error ? error.message : String(error)))));
}

/** Tells what is wrong, or that nothing is any more. */
export function complain(what: Child): void {
  const place = found("trouble");
  place.replaceChildren(...(what === null ? [] : [what]));
  place.hidden = what === null;
}

/** Tells that something was done, also to those who cannot see it. */
export function tell(what: Child): void {
  found("told").replaceChildren(what ?? "");
}

/** The shape of a mark; its word stands beside it, so the picture itself says nothing. */
export function shape(mark: Mark, size: "small" | "large" = "small"): HTMLElement {
  const pixels = size === "small" ? "18" : "40";
  return el("img", { src: `icons/src/mark-${mark}.svg`, alt: "", width: pixels, height: pixels, class: "shape" });
}

/** The word of a mark, in its colour. */
export function markWord(mark: Mark): HTMLElement {
  return el("strong", { class: `word ${mark}` }, word(keyed("mark", mark)));
}

/** The state of the helper in words, and what to do about it. */
export function helperTold(state: HelperState): DocumentFragment {
  return say(keyed("helper", state), code("mintwatch install-host"));
}

export type Page = "authorities" | "options" | "viewer" | "welcome";

/** A link that opens a page of ours beside what is open, and closes the popup behind it. */
export function linkTo(page: Page, label: Child, what = ""): HTMLAnchorElement {
  const link = el("a", { href: `${page}.html${what}`, target: "_blank" }, label);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    void api.tabs.create({ url: api.runtime.getURL(`${page}.html${what}`) }).then(() => closePopup());
  });
  return link;
}

function closePopup(): void {
  // Opened as a page it has an address of its own.
  if (document.body.classList.contains("popup") && location.search === "") window.close();
}

/** What we may look at: everything over TLS. */
export const EVERY_HOST = ["https://*/*", "wss://*/*"];

/** Asks for the permission to look; only inside the handler of a click, before anything is awaited. */
export function requestHosts(): Promise<boolean> {
  return api.permissions.request({ origins: EVERY_HOST });
}

/** Whether this browser asks apart for data that goes to another program (Firefox 140 and later). */
export async function asksForData(): Promise<boolean> {
  return "data_collection" in (await api.permissions.getAll());
}

/** Asks for the permission to talk to the helper; only inside the handler of a click, before anything is awaited. */
export function requestHelper(withData: boolean): Promise<boolean> {
  const wanted = withData ? { permissions: ["nativeMessaging"], data_collection: ["browsingActivity"] } : { permissions: ["nativeMessaging"] };
  return api.permissions.request(wanted as browser.permissions.Permissions);
}

/** Gives it back. */
export function returnHelper(withData: boolean): Promise<boolean> {
  const given = withData ? { permissions: ["nativeMessaging"], data_collection: ["browsingActivity"] } : { permissions: ["nativeMessaging"] };
  return api.permissions.remove(given as browser.permissions.Permissions);
}
