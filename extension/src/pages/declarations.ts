/** Declared inspection CAs and files of settings: read whole or refused with a reason. */
import type { DeclaredCa, Settings } from "../messages";

/** How many somebody may declare, and how long a label may be; the background keeps no more. */
export const MOST_DECLARED = 50;
export const LONGEST_LABEL = 100;
/** The largest file of settings, in bytes. */
export const MOST_BYTES = 64 * 1024;
const FORMAT = "mintwatch.settings";

/** What a file of settings carries. What somebody agreed to is not in it: that is asked for here. */
export interface Carried {
  declared: DeclaredCa[];
  networkCheck: boolean;
}

/** Why a text is not what it should be: the end of a key (`wrong_…`), and what to show with it. */
export interface Wrong {
  wrong: "json" | "format" | "version" | "unknown" | "list" | "many" | "spki" | "label" | "day" | "past" | "switch" | "large";
  about: string;
}

/** Reads a SHA-256 as people copy them: in either case, with colons or spaces. */
export function readSpki(text: string): string | Wrong {
  const digits = text.replace(/[\s:]/g, "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : { wrong: "spki", about: text };
}

/** Reads a day, `2027-01-31`; returns its end in UNIX milliseconds (UTC). */
export function readDay(text: string): number | Wrong {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  // Some engines take the 31st of February for the 3rd of March.
  if (!Number.isFinite(start) || new Date(start).toISOString().slice(0, 10) !== text) return { wrong: "day", about: text };
  return start + 86_400_000 - 1;
}

/** Reads one declaration. */
export function readDeclared(spki: string, label: string, day: string): DeclaredCa | Wrong {
  const spkiSha256 = readSpki(spki);
  if (typeof spkiSha256 !== "string") return spkiSha256;
  const named = label.trim();
  if (named === "" || [...named].length > LONGEST_LABEL) return { wrong: "label", about: label };
  const expires = readDay(day);
  if (typeof expires !== "number") return expires;
  return { spkiSha256, label: named, expires, managed: false };
}

/** Writes a file of settings; an organisation's entries are not in it. */
export function write(settings: Settings): string {
  const declared = settings.declared
    .filter((one) => !one.managed)
    .map(({ spkiSha256, label, expires }) => ({ spkiSha256, label, expires: new Date(expires).toISOString().slice(0, 10) }));
  return `${JSON.stringify({ format: FORMAT, version: 1, networkCheck: settings.networkCheck, declared }, null, 2)}\n`;
}

/** Reads a file of settings; a later declaration of the same key replaces an earlier one. */
export function read(text: string): Carried | Wrong {
  if (text.length > MOST_BYTES) return { wrong: "large", about: "" };
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return { wrong: "json", about: "" };
  }
  if (!isObject(file) || file["format"] !== FORMAT) return { wrong: "format", about: "" };
  if (file["version"] !== 1) return { wrong: "version", about: String(file["version"]) };
  const unknown = strange(file, ["format", "version", "networkCheck", "declared"]);
  if (unknown !== undefined) return { wrong: "unknown", about: unknown };
  const { networkCheck, declared } = file;
  if (typeof networkCheck !== "boolean") return { wrong: "switch", about: "networkCheck" };
  if (!Array.isArray(declared)) return { wrong: "list", about: "declared" };
  if (declared.length > MOST_DECLARED) return { wrong: "many", about: String(declared.length) };
  const all = new Map<string, DeclaredCa>();
  for (const entry of declared as unknown[]) {
    const one = readEntry(entry);
    if ("wrong" in one) return one;
    all.set(one.spkiSha256, one);
  }
  return { declared: [...all.values()], networkCheck };
}

function readEntry(entry: unknown): DeclaredCa | Wrong {
  if (!isObject(entry)) return { wrong: "list", about: "declared" };
  const unknown = strange(entry, ["spkiSha256", "label", "expires"]);
  if (unknown !== undefined) return { wrong: "unknown", about: unknown };
  const { spkiSha256, label, expires } = entry;
  if (typeof spkiSha256 !== "string") return { wrong: "spki", about: String(spkiSha256) };
  if (typeof label !== "string") return { wrong: "label", about: String(label) };
  if (typeof expires !== "string") return { wrong: "day", about: String(expires) };
  return readDeclared(spkiSha256, label, expires);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function strange(object: Record<string, unknown>, known: string[]): string | undefined {
  return Object.keys(object).find((name) => !known.includes(name));
}
