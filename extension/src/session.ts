/**
 * What is remembered: the chains of this session, the tabs that met them, the authorities behind them.
 *
 * All of it lives in memory and in `storage.session`, which ends with the browser; of private windows in memory alone.
 * Only evidence of interception outlives the session, and only until the person forgets it.
 */
import { getDomain } from "tldts-icann";
import { api } from "./api";
import type { Der } from "./evidence";
import { evidence, observation, toBase64 } from "./evidence";
import type { AuthorityRow, DeclaredCa, Evidence, HostReport, KeptFinding, Mark, Report, Summary, Whole } from "./messages";
import { declaredFor, markOf, rank, worst } from "./marks";
import type { Sighting } from "./observe";

/** One host under one chain. */
export interface Entry {
  key: string;
  sighting: Sighting;
  chain: Der[];
  /** The document that the report is of, where it is not that of this connection alone: the helper's, or that of several hosts. */
  document: Evidence | null;
  report: Report | null;
  failure: string | null;
  mark: Mark;
  requests: number;
  firstSeen: number;
}

/** One document in a tab. */
export interface Page {
  host: string | null;
  main: string | null;
  keys: Set<string>;
  /** Unknown until something of it was seen; only what is known to be no secret is written anywhere. */
  isPrivate: boolean | null;
  missed: number;
  judged: number;
  /** Shows the browser's own page about a failure; Chromium never says that it has come, Firefox does, sooner or later. */
  isFailure: boolean;
}

interface Authority {
  name: string;
  kind: AuthorityRow["kind"];
  mark: Mark;
  sites: Set<string>;
  siteCount: number;
}

const MOST_ENTRIES = 400;
const MOST_KEYS_OF_A_PAGE = 1_000;
const MOST_TOLD_OF_A_PAGE = 200;
const MOST_SITES = 2_000;
const MOST_AUTHORITIES = 1_000;
const MOST_DER = 8_000;
const MOST_KEPT = 100;

export const entries = new Map<string, Entry>();
const ders = new Map<string, Der>();
const pages = new Map<number, { current: Page; next: Page | null }>();
const authorities = new Map<string, Authority>();
export const counts = { seen: 0, judged: 0, fromCache: 0, missed: 0 };

/** Names a host and the chain it showed; equal keys mean equal verdicts. */
export function keyOf(sighting: Sighting): string {
  const chain = sighting.fingerprints.join("+");
  const how = [sighting.form, sighting.client?.overridden ?? "", sighting.failure?.detail ?? "", sighting.transport].join("/");
  return [sighting.source, `${sighting.host}:${sighting.port}`, how, chain].join(" ");
}

/** Returns the bytes of a chain that was handed over before, or nothing when some are gone. */
export function known(fingerprints: string[]): Der[] | null {
  const chain = fingerprints.map((one) => ders.get(one));
  return chain.every((one) => one !== undefined) ? (chain as Der[]) : null;
}

/** Forgets all bytes: nobody agreed to their being looked at. */
export function unlearn(): void {
  ders.clear();
  pages.clear();
}

export function learn(fingerprints: string[], certificates: Uint8Array[]): Der[] {
  if (ders.size > MOST_DER) ders.clear();
  return certificates.map((bytes, index) => {
    const der = toBase64(bytes);
    const name = fingerprints[index];
    if (name !== undefined) ders.set(name, der);
    return der;
  });
}

/** Counts one more request of a chain; makes the entry where it is new. */
export function enter(sighting: Sighting, chain: Der[]): { entry: Entry; isNew: boolean } {
  const key = keyOf(sighting);
  const before = entries.get(key);
  if (before !== undefined) {
    before.requests += 1;
    // Seen outside of private windows too: then it is no secret of theirs.
    if (before.sighting.isPrivate && !sighting.isPrivate) before.sighting = { ...before.sighting, isPrivate: false };
    return { entry: before, isNew: false };
  }
  const entry: Entry = {
    key,
    sighting,
    chain,
    document: null,
    report: null,
    failure: null,
    mark: "unknown",
    requests: 1,
    firstSeen: sighting.at,
  };
  entries.set(key, entry);
  dropOldest();
  return { entry, isNew: true };
}

/** The oldest harmless ones leave first; what alarms stays. */
function dropOldest(): void {
  for (const entry of entries.values()) {
    if (entries.size <= MOST_ENTRIES) return;
    if (rank(entry.mark) >= rank("warning") && entries.size <= MOST_ENTRIES * 2) continue;
    entries.delete(entry.key);
    void api.storage.session.remove(`entry ${entry.key}`);
  }
}

/** Notes what the judge said of an entry: its own host is the `index`-th of the report. */
export function note(entry: Entry, report: Report, host: HostReport, declared: DeclaredCa[]): void {
  entry.report = report;
  entry.failure = null;
  entry.mark = markOf(host, declaredFor(host, declared, Date.now()));
  if (!entry.sighting.isPrivate) noteAuthority(entry, host);
}

/** What a person's own CA vouched for is marked anew when declarations change. */
export function remark(declared: DeclaredCa[]): void {
  for (const entry of entries.values()) {
    const host = hostReport(entry);
    if (host !== null) entry.mark = markOf(host, declaredFor(host, declared, Date.now()));
  }
}

export function hostReport(entry: Entry): HostReport | null {
  const { host, port } = entry.sighting;
  return entry.report?.hosts.find((one) => one.host === host && one.port === port) ?? entry.report?.hosts[0] ?? null;
}

function noteAuthority(entry: Entry, host: HostReport): void {
  const anchor = host.anchors[0];
  const issuer = host.chain.at(-1)?.issuer ?? "";
  const id = anchor?.spki_sha256 ?? (issuer === "" ? null : `issuer ${issuer}`);
  if (id === null) return;
  const kind = anchor === undefined ? "unknown" : typeof anchor.kind === "string" ? "retired" : "public" in anchor.kind ? "public" : "local";
  const known: Authority = authorities.get(id) ?? { name: anchor?.name ?? issuer, kind, mark: "none", sites: new Set(), siteCount: 0 };
  const site = getDomain(entry.sighting.host) ?? entry.sighting.host;
  if (!known.sites.has(site) && known.sites.size < MOST_SITES) {
    known.sites.add(site);
    known.siteCount += 1;
  }
  known.mark = worst(known.mark, entry.mark);
  if (authorities.size < MOST_AUTHORITIES) authorities.set(id, known);
}

export function authorityRows(): AuthorityRow[] {
  const rows = [...authorities].map(([id, one]) => ({
    spkiSha256: id.startsWith("issuer ") ? "" : id,
    name: one.name,
    kind: one.kind,
    sites: [...one.sites].slice(0, 50),
    siteCount: one.siteCount,
    mark: one.mark,
  }));
  return rows.sort((a, b) => b.siteCount - a.siteCount || a.name.localeCompare(b.name));
}

// Tabs.

function freshPage(host: string | null): Page {
  return { host, main: null, keys: new Set(), isPrivate: null, missed: 0, judged: 0, isFailure: false };
}

/** A main document's headers came: what follows belongs to the page that begins. */
export function begins(tabId: number, host: string): void {
  const tab = pages.get(tabId) ?? { current: freshPage(null), next: null };
  pages.set(tabId, tab);
  if (tab.next === null) tab.next = freshPage(host);
  // A redirect: the page goes on, under another host.
  else tab.next.host = host;
}

export function commits(tabId: number, host: string | null): void {
  const tab = pages.get(tabId);
  const next = tab?.next ?? null;
  // The page about a failure that is known already.
  if (tab !== undefined && next === null && tab.current.isFailure && tab.current.host === host) return;
  const current = next !== null && next.host === host ? next : freshPage(host);
  pages.set(tabId, { current, next: null });
}

/** A main document could not be had: the browser shows a page of its own instead. */
export function fails(tabId: number, host: string): void {
  const current = pageOf(tabId);
  const isThere = current !== null && current.host === host && current.main === null;
  const page = isThere ? current : freshPage(host);
  page.isFailure = true;
  pages.set(tabId, { current: page, next: null });
}

export function closes(tabId: number): void {
  pages.delete(tabId);
  void api.storage.session.remove(`page ${tabId}`);
}

export function pageOf(tabId: number): Page | null {
  return pages.get(tabId)?.current ?? null;
}

/** Puts a chain down to the page that met it. */
export function attach(sighting: Sighting, key: string): void {
  if (sighting.tabId < 0) return;
  const tab = pages.get(sighting.tabId) ?? { current: freshPage(null), next: null };
  pages.set(sighting.tabId, tab);
  const waits = [tab.next, tab.current].find((page) => page !== null && sighting.isMain && page.host === sighting.host);
  const page = waits ?? (tab.next !== null && sighting.isMain ? tab.next : tab.current);
  page.isPrivate = page.isPrivate === true || sighting.isPrivate;
  if (sighting.isMain && page.host === sighting.host) page.main = key;
  if (page.keys.size < MOST_KEYS_OF_A_PAGE) page.keys.add(key);
}

export function misses(tabId: number): void {
  counts.missed += 1;
  const page = pageOf(tabId);
  if (page !== null) page.missed += 1;
}

/** Returns the tabs in whose present page a chain was met. */
export function tabsWith(key: string): number[] {
  return [...pages].filter(([, tab]) => tab.current.keys.has(key)).map(([id]) => id);
}

export function tabIds(): number[] {
  return [...pages.keys()];
}

// What pages are shown.

export function summary(entry: Entry): Summary {
  return {
    key: entry.key,
    host: entry.sighting.host,
    port: entry.sighting.port,
    mark: entry.mark,
    source: entry.sighting.source,
    cause: entry.failure !== null ? "judge-failed" : (hostReport(entry)?.verdict.cause ?? "not-looked"),
    requests: entry.requests,
    firstSeen: entry.firstSeen,
  };
}

export function whole(entry: Entry, declared: DeclaredCa[]): Whole {
  const host = hostReport(entry);
  const overridden = entry.sighting.client?.overridden;
  return {
    ...summary(entry),
    report: entry.report,
    note: entry.sighting.failure?.detail ?? (overridden === undefined || overridden === null ? null : `overridden-${overridden}`),
    declared: host === null ? null : (declaredFor(host, declared, Date.now())?.label ?? null),
    failure: entry.failure,
  };
}

/** The other chains of a page, worst first. */
export function others(page: Page): { told: Summary[]; dropped: number } {
  const all = [...page.keys].filter((key) => key !== page.main).flatMap((key) => entries.get(key) ?? []);
  all.sort((a, b) => rank(b.mark) - rank(a.mark) || a.sighting.host.localeCompare(b.sighting.host));
  return { told: all.slice(0, MOST_TOLD_OF_A_PAGE).map(summary), dropped: Math.max(0, all.length - MOST_TOLD_OF_A_PAGE) };
}

// Documents.

/** The evidence of one entry, as the judge was given it. */
export function documentOf(entry: Entry, version: string, portal: boolean | null): Evidence {
  return entry.document ?? evidence(BROWSER, version, entry.firstSeen, [observation(entry.sighting, entry.chain)], portal);
}

/** The last chains of different hosts: what several hosts have in common is seen only in all of them. */
export function together(version: string, portal: boolean | null, most: number): { document: Evidence; entries: Entry[] } {
  // What the judge could not read by itself would spoil the document for all others.
  const fits = (entry: Entry) => entry.chain.length > 0 && entry.failure === null && entry.sighting.source !== "helper" && !entry.sighting.isPrivate;
  const chosen = [...entries.values()].filter(fits).slice(-most);
  return { document: documentOfAll(chosen, version, portal), entries: chosen };
}

export function documentOfAll(several: Entry[], version: string, portal: boolean | null): Evidence {
  const observations = several.map((entry) => observation(entry.sighting, entry.chain));
  return evidence(BROWSER, version, Date.now(), observations, portal);
}

// Across a suspension.

/** Writes an entry where a suspended background finds it again. */
export function persist(entry: Entry): void {
  if (entry.sighting.isPrivate) return;
  // The document of several hosts is made anew where it is needed: in each of them it would fill the store.
  const lean = { ...entry, document: entry.sighting.source === "helper" ? entry.document : null };
  void api.storage.session.set({ [`entry ${entry.key}`]: lean }).catch(() => undefined);
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Writes tabs, authorities and counts, a moment after the last change. */
export function persistSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void persistNow(), 300);
}

async function persistNow(): Promise<void> {
  const kept: Record<string, unknown> = {
    counts,
    authorities: [...authorities].map(([id, one]) => [id, { ...one, sites: [...one.sites] }]),
  };
  for (const [id, { current }] of pages) {
    if (current.isPrivate === false) kept[`page ${id}`] = { ...current, keys: [...current.keys] };
  }
  await api.storage.session.set(kept).catch(() => undefined);
}

/** Reads what an earlier life of this background wrote; what was seen meanwhile stays on top. */
export async function restore(): Promise<void> {
  const kept = (await api.storage.session.get(null)) as Record<string, never>;
  for (const [name, value] of Object.entries(kept)) {
    if (name.startsWith("entry ") && !entries.has(name.slice(6))) {
      const entry = value as Entry;
      entries.set(entry.key, entry);
      entry.sighting.fingerprints.forEach((one, index) => {
        const der = entry.chain[index];
        if (der !== undefined && !ders.has(one)) ders.set(one, der);
      });
    }
    if (name.startsWith("page ")) restorePage(Number(name.slice(5)), value as Page & { keys: string[] });
    if (name === "authorities") restoreAuthorities(value);
    if (name === "counts") for (const [what, count] of Object.entries(value as typeof counts)) counts[what as keyof typeof counts] += count;
  }
}

function restorePage(tabId: number, page: Omit<Page, "keys"> & { keys: string[] }): void {
  if (!pages.has(tabId)) pages.set(tabId, { current: { ...page, keys: new Set(page.keys) }, next: null });
}

function restoreAuthorities(rows: [string, Omit<Authority, "sites"> & { sites: string[] }][]): void {
  for (const [id, one] of rows) if (!authorities.has(id)) authorities.set(id, { ...one, sites: new Set(one.sites) });
}

// Findings outlive the session.

type Kept = KeptFinding & { document: Evidence; report: Report };

/** One after the other: two that read the same list would lose one of their findings. */
let keeping: Promise<void> = Promise.resolve();

export function keep(entry: Entry, document: () => Promise<Evidence>): Promise<void> {
  keeping = keeping.then(() => keepNext(entry, document)).catch(() => undefined);
  return keeping;
}

async function keepNext(entry: Entry, document: () => Promise<Evidence>): Promise<void> {
  const host = hostReport(entry);
  if (entry.sighting.isPrivate || host === null || entry.report === null || rank(entry.mark) < rank("warning")) return;
  const all = await kept();
  const authority = host.anchors[0]?.spki_sha256 ?? host.chain.at(-1)?.issuer;
  const same = (one: Kept) => {
    const other = one.report.hosts[0];
    return one.host === host.host && one.cause === host.verdict.cause && (other?.anchors[0]?.spki_sha256 ?? other?.chain.at(-1)?.issuer) === authority;
  };
  if (all.some(same)) return;
  const { key, mark, firstSeen: at, report } = entry;
  const finding: Kept = { key, host: host.host, cause: host.verdict.cause, mark, at, document: await document(), report };
  await api.storage.local.set({ findings: [...all, finding].slice(-MOST_KEPT) });
}

export async function kept(): Promise<Kept[]> {
  return ((await api.storage.local.get("findings")) as { findings?: Kept[] }).findings ?? [];
}

/** The certificates of a finding that was kept. */
export async function keptChain(key: string): Promise<Der[]> {
  const finding = (await kept()).find((one) => one.key === key);
  const seen = finding?.document.observations.find((one) => one.target.host === finding.host)?.chain;
  return typeof seen === "object" && "yes" in seen ? seen.yes.certificates : [];
}

export async function forget(): Promise<void> {
  await api.storage.local.remove("findings");
}
