/** From a report to what a badge shows: the only place where causes become marks. */
import type { DeclaredCa, HostReport, Mark } from "./messages";

type Verdict = HostReport["verdict"];

/** From the least to the most alarming. */
const ORDER: Mark[] = ["none", "info", "unknown", "warning", "alarm"];

const OF_CAUSE: Record<Verdict["cause"], Mark> = {
  "public-authority-interception": "alarm",
  "known-key-interception": "alarm",
  "state-interception": "alarm",
  "local-interception": "warning",
  "untrusted-interception": "warning",
  "unexpected-authority": "warning",
  "captive-portal": "unknown",
  clock: "unknown",
  "origin-fault": "unknown",
  "internal-name": "info",
  inconclusive: "unknown",
  "not-measured": "unknown",
  clear: "none",
};

/** Causes for which a person is told at once: no client would notice. */
const TOLD_AT_ONCE: Verdict["cause"][] = ["public-authority-interception", "known-key-interception"];

/** Returns the mark of one host's verdict. */
export function markOf(host: HostReport, declared: DeclaredCa | null): Mark {
  const { cause, severity } = host.verdict;
  if (cause === "local-interception" && declared !== null) return "info";
  // One circumstance alone, such as another public CA than expected, is worth a look and no warning.
  if (cause === "unexpected-authority" && (severity === "info" || severity === "low")) return "unknown";
  return OF_CAUSE[cause];
}

/** Returns the declared CA that vouched for a host and whose declaration still holds. */
export function declaredFor(host: HostReport, declared: DeclaredCa[], now: number): DeclaredCa | null {
  if (host.verdict.cause !== "local-interception") return null;
  const keys = new Set([...host.anchors.map((anchor) => anchor.spki_sha256), ...host.chain.slice(1).map((one) => one.spki_sha256)]);
  return declared.find((one) => one.expires > now && keys.has(one.spkiSha256)) ?? null;
}

export function worst(one: Mark, other: Mark): Mark {
  return ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one;
}

/** A page's mark: its own document's, raised by others only where somebody reads along. */
export function pageMark(main: Mark, others: Iterable<Mark>): Mark {
  let mark = main;
  for (const other of others) if (other === "warning" || other === "alarm") mark = worst(mark, other);
  return mark;
}

export function tellsAtOnce(host: HostReport): boolean {
  return TOLD_AT_ONCE.includes(host.verdict.cause);
}

export function rank(mark: Mark): number {
  return ORDER.indexOf(mark);
}
