/** Who vouched for what in this session; those that no root program knows come first. */
import { ask } from "../ask";
import type { AuthorityRow } from "../messages";
import { code, el, found, hostile } from "../pages/dom";
import { linkTo, markWord, shape, start } from "../pages/page";
import { keyed, language, number, say, word } from "../pages/words";
import { type Column, sorted } from "./sorted";

let order: { column: Column; descending: boolean } = { column: "mark", descending: true };

start(async () => {
  const rows = await ask("authorities", {});
  found("none").hidden = rows.length > 0;
  found("wide").hidden = rows.length === 0;
  found("table").hidden = rows.length === 0;
  for (const sort of document.querySelectorAll<HTMLButtonElement>("[data-sort]")) {
    sort.addEventListener("click", () => {
      const column = sort.dataset["sort"] as Column;
      const descending = order.column === column ? !order.descending : column === "mark" || column === "siteCount";
      order = { column, descending };
      draw(rows);
    });
  }
  draw(rows);
});

function draw(rows: AuthorityRow[]): void {
  for (const sort of document.querySelectorAll<HTMLButtonElement>("[data-sort]")) {
    const isIt = sort.dataset["sort"] === order.column;
    sort.closest("th")?.setAttribute("aria-sort", isIt ? (order.descending ? "descending" : "ascending") : "none");
  }
  found("rows").replaceChildren(...sorted(rows, order.column, order.descending, language()).map(row));
}

function row(one: AuthorityRow): HTMLElement {
  const declare = one.kind === "local" || one.kind === "unknown" ? linkTo("options", word("declare_this"), `#spki=${one.spkiSha256}`) : null;
  const more = one.siteCount - one.sites.length;
  return el(
    "tr",
    { class: one.kind },
    el("td", {}, el("span", { class: "entry" }, shape(one.mark), markWord(one.mark))),
    el("th", { scope: "row" }, hostile(one.name), el("details", {}, el("summary", {}, word("cert_spki")), code(one.spkiSha256)), declare),
    el("td", {}, word(keyed("kind", one.kind))),
    el(
      "td",
      {},
      el(
        "details",
        {},
        el("summary", {}, number(one.siteCount)),
        el("ul", { class: "small" }, ...one.sites.map((site) => el("li", {}, hostile(site)))),
        more > 0 ? el("p", { class: "soft" }, say("more", number(more))) : null,
      ),
    ),
  );
}
