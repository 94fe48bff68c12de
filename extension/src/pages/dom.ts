/** Elements without markup: everything shown is text, and hostile text is isolated and inert. */
import { inert } from "../inert";

export type Child = Node | string | null;
type Tags = HTMLElementTagNameMap;

/** Makes an element; `true` sets an attribute without a value, `false` and null leave it out. */
export function el<T extends keyof Tags>(tag: T, attributes: Record<string, string | boolean | null> = {}, ...children: Child[]): Tags[T] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text of strangers: what acts is shown as its number, and it turns no text around it. */
export function hostile(text: string, longest = 300): HTMLElement {
  return el("bdi", {}, inert(text, longest));
}

/** Numbers in hexadecimal and the like: read from the left in every language. */
export function code(text: string, longest = 300): HTMLElement {
  return el("code", { dir: "ltr" }, inert(text, longest));
}

/** What the judge says, which is English in every locale. */
export function english(text: string, longest = 1_000): HTMLElement {
  return el("span", { lang: "en", dir: "ltr" }, inert(text, longest));
}

export function button(label: Child, does: () => void, attributes: Record<string, string | boolean | null> = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", does);
  return made;
}

/** A part that opens; its heading stays in the outline. */
export function foldable(heading: Child, attributes: Record<string, string | boolean | null>, ...children: Child[]): HTMLDetailsElement {
  return el("details", { class: "part", ...attributes }, el("summary", {}, el("h2", {}, heading)), ...children);
}

/** Names and values; entries without a value are left out. */
export function facts(...entries: ([Child, Child] | null)[]): HTMLDListElement {
  const told = entries.filter((entry) => entry !== null && entry[1] !== null) as [Child, Node | string][];
  return el("dl", {}, ...told.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** Returns an element that the page's HTML has. */
export function found<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as T;
}
