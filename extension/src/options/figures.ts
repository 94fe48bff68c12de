/** What this build is, how old its tables are, and what it did since it was started. */
import { ask } from "../ask";
import { el, facts, hostile } from "../pages/dom";
import { day, number, say, word } from "../pages/words";

export async function figures(place: HTMLElement): Promise<void> {
  const about = await ask("about", {});
  place.replaceChildren(
    facts(
      [word("version"), hostile(about.version)],
      [word("lab"), about.lab ? word("lab_yes") : null],
      [word("start_up"), about.startUp === null ? word("not_yet") : say("milliseconds", number(about.startUp))],
      [word("figure_seen"), number(about.seen)],
      [word("figure_judged"), number(about.judged)],
      [word("figure_cached"), number(about.fromCache)],
      [word("figure_missed"), number(about.missed)],
      [word("figure_remade"), number(about.remade)],
    ),
    tables(about.tables),
  );
}

type Table = Awaited<ReturnType<typeof ask<"about">>>["tables"][number];

function tables(all: Table[]): HTMLElement {
  const columns = ["table_name", "table_day", "table_rows", "table_source"] as const;
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": word("tables") },
    el(
      "table",
      {},
      el("caption", {}, word("tables")),
      el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, word(column))))),
      el("tbody", {}, ...all.map(row)),
    ),
  );
}

function row(table: Table): HTMLElement {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, hostile(table.name)),
    el("td", {}, day(table.as_of * 1000), table.stale ? el("span", { class: "flag" }, " ", word("stale")) : null),
    el("td", {}, number(table.rows)),
    el("td", { lang: "en", dir: "ltr" }, hostile(table.source)),
  );
}
