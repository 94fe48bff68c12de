/** A tree that is walked by keys as the ARIA practices say (APG, "Tree View"). */
import { el } from "./dom";
import { isRightToLeft } from "./words";

/** What is shown at one place, and what hangs on it. */
export interface Branch {
  label: Node;
  children: Branch[];
}

/** A place in the flat list of all: its level from 1, whom it hangs on (-1: nobody), whether it is open (null: no children). */
export interface Item {
  level: number;
  parent: number;
  open: boolean | null;
}

/** What a key does: the focus goes somewhere, a place opens, closes or is picked, or nothing happens. */
export type Step = { to: number } | { open: number } | { close: number } | { pick: number } | null;

/** Says what a key does at a place. */
export function step(items: Item[], at: number, key: string, rightToLeft: boolean): Step {
  const item = items[at];
  if (item === undefined) return null;
  const seen = items.flatMap((_, index) => (isSeen(items, index) ? [index] : []));
  const place = seen.indexOf(at);
  const go = (to: number | undefined): Step => (to === undefined || to === at ? null : { to });
  const [inward, outward] = rightToLeft ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
  switch (key) {
    case "ArrowDown":
      return go(seen[place + 1]);
    case "ArrowUp":
      return place > 0 ? go(seen[place - 1]) : null;
    case "Home":
      return go(seen[0]);
    case "End":
      return go(seen.at(-1));
    case inward:
      if (item.open === false) return { open: at };
      return item.open === true ? go(items.findIndex((one) => one.parent === at)) : null;
    case outward:
      if (item.open === true) return { close: at };
      return item.parent < 0 ? null : { to: item.parent };
    case "Enter":
    case " ":
      return { pick: at };
    default:
      return null;
  }
}

function isSeen(items: Item[], index: number): boolean {
  for (let at = items[index]?.parent ?? -1; at >= 0; at = items[at]?.parent ?? -1) if (items[at]?.open === false) return false;
  return true;
}

/** How far a level stands in, in rem; deep chains stay readable in a narrow popup. */
const INDENT = 0.75;
const DEEPEST = 8;

/** Draws a tree with every place open; `pick` is told the place that is chosen, counted as the tree is read. */
export function tree(label: string, roots: Branch[], pick: (index: number) => void): HTMLElement {
  const items: Item[] = [];
  const elements: HTMLElement[] = [];

  // Flat, as APG allows: nested elements would carry all that hangs on them in their names.
  function grow(branches: Branch[], level: number, parent: number): void {
    branches.forEach((branch, place) => {
      const isOpen = branch.children.length > 0 ? true : null;
      const index = items.push({ level, parent, open: isOpen }) - 1;
      const attributes = {
        role: "treeitem",
        tabindex: index === 0 ? "0" : "-1",
        "aria-level": String(level),
        "aria-posinset": String(place + 1),
        "aria-setsize": String(branches.length),
        "aria-selected": "false",
        "aria-expanded": isOpen === null ? null : "true",
      };
      const element = el("li", attributes, branch.label);
      element.style.marginInlineStart = `${(Math.min(level, DEEPEST) - 1) * INDENT}rem`;
      elements.push(element);
      grow(branch.children, level + 1, index);
    });
  }
  grow(roots, 1, -1);

  function focus(index: number): void {
    elements.forEach((element, other) => (element.tabIndex = other === index ? 0 : -1));
    elements[index]?.focus();
  }
  function choose(index: number): void {
    elements.forEach((element, other) => element.setAttribute("aria-selected", String(other === index)));
    pick(index);
  }
  function turn(index: number, open: boolean): void {
    const item = items[index];
    if (item === undefined) return;
    item.open = open;
    elements[index]?.setAttribute("aria-expanded", String(open));
    elements.forEach((element, other) => (element.hidden = !isSeen(items, other)));
  }

  const whole = el("ul", { role: "tree", "aria-label": label, class: "tree" }, ...elements);
  const placeOf = (event: Event) => elements.findIndex((element) => element.contains(event.target as Node));
  whole.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const does = step(items, placeOf(event), event.key, isRightToLeft());
    if (does === null) return;
    event.preventDefault();
    if ("to" in does) focus(does.to);
    if ("open" in does) turn(does.open, true);
    if ("close" in does) turn(does.close, false);
    if ("pick" in does) choose(does.pick);
  });
  whole.addEventListener("click", (event) => {
    const index = placeOf(event);
    if (index < 0) return;
    focus(index);
    choose(index);
  });
  return whole;
}
