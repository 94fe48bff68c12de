/** From a report's paths to the tree that is shown: who was vouched for on top, and below it who vouched. */
import type { HostReport, Report } from "../messages";

/** One place: a certificate or an anchor by its index, or an issuer that was not shown (of which certificate). */
export interface Spot {
  kind: "certificate" | "anchor" | "unseen";
  index: number;
  above: Spot[];
}

/** How many paths are shown: a report may have as many as the judge's budget allows. */
const MOST_PATHS = 12;

/** Every certificate at least once; paths that share their beginning share its places. */
export function spots(host: HostReport): Spot[] {
  const roots: Spot[] = [];
  for (const path of host.paths.slice(0, MOST_PATHS)) {
    let level = roots;
    for (const index of path.certificates) level = under(level, "certificate", index);
    const last = path.certificates.at(-1);
    const anchor = path.anchor ?? null;
    if (anchor === null) {
      if (last !== undefined && !isSelfIssued(host, last)) under(level, "unseen", last);
      continue;
    }
    const own = certificateOf(host, anchor);
    if (own < 0) under(level, "anchor", anchor);
    else if (!path.certificates.includes(own)) under(level, "certificate", own);
  }
  const shown = new Set(inOrder(roots).map((spot) => (spot.kind === "certificate" ? spot.index : -1)));
  host.chain.forEach((_, index) => {
    if (!shown.has(index)) roots.push({ kind: "certificate", index, above: [] });
  });
  return roots;
}

/** The anchor's own certificate among those that came, or -1: Firefox shows it, and some servers send it. */
function certificateOf(host: HostReport, anchor: number): number {
  const sha256 = host.anchors[anchor]?.sha256;
  return host.chain.findIndex((certificate) => certificate.sha256 === sha256);
}

/** Whether a certificate is that of an anchor. */
export function isAnchor(host: HostReport, spot: Spot): boolean {
  return spot.kind === "anchor" || host.anchors.some((_, anchor) => spot.kind === "certificate" && certificateOf(host, anchor) === spot.index);
}

/** The spots in the order in which the tree is read. */
export function inOrder(roots: Spot[]): Spot[] {
  return roots.flatMap((spot) => [spot, ...inOrder(spot.above)]);
}

function under(level: Spot[], kind: Spot["kind"], index: number): Spot[] {
  let spot = level.find((one) => one.kind === kind && one.index === index);
  if (spot === undefined) level.push((spot = { kind, index, above: [] }));
  return spot.above;
}

function isSelfIssued(host: HostReport, index: number): boolean {
  const certificate = host.chain[index];
  return certificate === undefined || certificate.subject === certificate.issuer;
}

/** Whether a certificate is on no path: sent, and of no use. */
export function isAside(host: HostReport, spot: Spot): boolean {
  const isUsed = host.paths.length === 0 || host.paths.some((path) => path.certificates.includes(spot.index));
  return spot.kind === "certificate" && !isUsed && !isAnchor(host, spot);
}

/** The index of the observation that the report's verdict speaks of. */
export function subject(report: Report): number {
  const index = report.hosts.findIndex((host) => host.verdict.cause === report.verdict.cause);
  return Math.max(index, 0);
}

type Finding = Report["findings"][number];
const WEIGHTS: Finding["weight"][] = ["proven", "strong", "weak", "note"];

/** The findings that decided about one observation, the weightiest of each detector. */
export function deciding(report: Report, observation: number): Finding[] {
  const by = report.hosts[observation]?.verdict.decided_by ?? [];
  return by.flatMap((id) => {
    const said = report.findings.filter((finding) => finding.detector === id && finding.observation === observation);
    return said.sort((one, other) => WEIGHTS.indexOf(one.weight) - WEIGHTS.indexOf(other.weight)).slice(0, 1);
  });
}

/** Whether what decided points at this place. */
export function isOdd(host: HostReport, findings: Finding[], spot: Spot): boolean {
  return findings.some(({ place }) => {
    if (place === null || place === undefined) return false;
    if ("anchor" in place) return spot.index === (spot.kind === "anchor" ? place.anchor : certificateOf(host, place.anchor)) && spot.kind !== "unseen";
    if ("certificate" in place) return spot.kind === "certificate" && spot.index === place.certificate;
    return spot.kind === "unseen" && spot.index === place["issuer-of"];
  });
}
