/** The pages' texts, from `_locales`; what is put into them is hostile until it is a node of ours. */
import type english from "../../_locales/en/messages.json";
import { api } from "../api";
import { inert } from "../inert";
import { el, hostile } from "./dom";

export type Key = keyof typeof english;
type Underscored<S extends string> = S extends `${infer Head}-${infer Rest}` ? `${Head}_${Underscored<Rest>}` : S;

/** The key of a word of the documents: `cause` and `local-interception` are `cause_local_interception`. */
export function keyed<P extends string, W extends string>(prefix: P, word: W): `${P}_${Underscored<W>}` {
  return `${prefix}_${word.replaceAll("-", "_")}` as `${P}_${Underscored<W>}`;
}

/** A text for an attribute; what is put into it is isolated (UAX #9 §2.4), so that it turns nothing around. */
export function word(key: Key, ...texts: string[]): string {
  return api.i18n.getMessage(key, texts.map((text) => `\u2068${inert(text)}\u2069`));
}

// Letters for private use stand where parts go: no message of ours has them.
const FIRST = 0xe000;

/** A text for the page; strings among the parts are hostile. */
export function say(key: Key, ...parts: (string | Node)[]): DocumentFragment {
  const message = api.i18n.getMessage(key, parts.map((_, index) => String.fromCharCode(FIRST + index)));
  const whole = new DocumentFragment();
  for (const piece of message.split(/([\ue000-\ue009])/)) {
    const part = parts[piece.charCodeAt(0) - FIRST];
    whole.append(part === undefined ? piece : typeof part === "string" ? hostile(part) : part);
  }
  return whole;
}

/** Fills in the texts that the HTML names, and the direction of the language. */
export function localise(): void {
  document.documentElement.lang = language();
  document.documentElement.dir = api.i18n.getMessage("@@bidi_dir") || "ltr";
  for (const element of document.querySelectorAll<HTMLElement>("[data-i18n]")) element.textContent = word(element.dataset["i18n"] as Key);
  for (const attribute of ["aria-label", "placeholder", "title"]) {
    for (const element of document.querySelectorAll(`[data-i18n-${attribute}]`)) {
      element.setAttribute(attribute, word(element.getAttribute(`data-i18n-${attribute}`) as Key));
    }
  }
}

export function isRightToLeft(): boolean {
  return document.documentElement.dir === "rtl";
}

/** Of the texts, not of the browser: a locale that we do not have shows English. */
export function language(): string {
  return word("locale_tag") || "en";
}

/** A number as the language writes it. */
export function number(value: number): string {
  return new Intl.NumberFormat(language()).format(value);
}

/** The furthest moment that `Date` knows, in milliseconds (ECMA-262 §21.4.1.1); certificates may name later ones. */
const FURTHEST = 8.64e15;

/** A moment in UNIX milliseconds, in UTC as certificates have it. */
export function moment(at: number): HTMLElement {
  return time(at, { dateStyle: "medium", timeStyle: "short" }, " UTC");
}

/** A day in UNIX milliseconds. */
export function day(at: number): HTMLElement {
  return time(at, { dateStyle: "medium" }, "");
}

function time(at: number, form: Intl.DateTimeFormatOptions, zone: string): HTMLElement {
  if (!(Math.abs(at) <= FURTHEST)) return hostile(String(at));
  const date = new Date(at);
  const text = new Intl.DateTimeFormat(language(), { ...form, timeZone: "UTC" }).format(date);
  return el("time", { datetime: date.toISOString() }, `${text}${zone}`);
}
