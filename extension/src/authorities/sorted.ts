/** The order of authorities. */
import type { AuthorityRow } from "../messages";

export type Column = "mark" | "name" | "kind" | "siteCount";

// Local and unknown ones are what somebody looks for here.
const KINDS: AuthorityRow["kind"][] = ["public", "retired", "unknown", "local"];
const MARKS: AuthorityRow["mark"][] = ["none", "info", "unknown", "warning", "alarm"];

/** Sorts by a column; equals by kind, then by how many sites they vouched for, then by name. */
export function sorted(rows: AuthorityRow[], column: Column, descending: boolean, language: string): AuthorityRow[] {
  const names = new Intl.Collator(language, { numeric: true });
  const by: Record<Column, (one: AuthorityRow, other: AuthorityRow) => number> = {
    mark: (one, other) => MARKS.indexOf(one.mark) - MARKS.indexOf(other.mark),
    name: (one, other) => names.compare(one.name, other.name),
    kind: (one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind),
    siteCount: (one, other) => one.siteCount - other.siteCount,
  };
  return [...rows].sort(
    (one, other) =>
      (descending ? -1 : 1) * by[column](one, other) || -by.kind(one, other) || -by.siteCount(one, other) || by.name(one, other),
  );
}
