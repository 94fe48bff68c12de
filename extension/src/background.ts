/** Wires the rooms: what a browser shows becomes evidence, the judge judges it, badge and pages show the report. */
import { platform } from "platform";
import { api } from "./api";
import * as badge from "./badge";
import * as check from "./check";
import { evidence as makeDocument, observation } from "./evidence";
import { exported } from "./export";
import * as helper from "./helper";
import { declaredFor, markOf, pageMark, rank, tellsAtOnce } from "./marks";
import type { Answer, Ask, HostReport, Kind, Mark, Protocol, Report, TabState } from "./messages";
import type { Listener, Sighting } from "./observe";
import { unseen } from "./observe";
import * as session from "./session";
import type { Entry } from "./session";
import { reread, save, settings } from "./settings";
import * as validator from "./validator";
import { viewed } from "./view";

const { version } = api.runtime.getManifest();
/** Nothing is looked at before the person agreed; unknown until the settings are read. */
let consent: boolean | null = null;
let restored: Promise<void> | null = null;

const listener: Listener = {
  seen(sighting, certificates) {
    // At the start it is not known yet whether somebody agreed; what was learnt is forgotten where nobody did.
    if (consent !== false) void met(sighting, session.learn(sighting.fingerprints, certificates));
  },
  seenAgain(sighting) {
    const chain = session.known(sighting.fingerprints);
    if (chain !== null) void met(sighting, chain);
    return chain !== null;
  },
  failed(sighting) {
    if (sighting.isMain && sighting.failure !== null) session.fails(sighting.tabId, sighting.host);
    void met(sighting, []);
  },
  fromCache: () => {
    session.counts.fromCache += 1;
  },
  missed(tabId, isMain, host, port) {
    session.misses(tabId);
    if (isMain) void sightless(tabId, host, port);
  },
  begins(tabId, host) {
    if (consent !== false) session.begins(tabId, host);
  },
  navigated(tabId, host) {
    if (consent === false) return;
    badge.forget(tabId);
    session.commits(tabId, host);
    refresh(tabId);
  },
  settled(tabId) {
    // Browsers take a badge away while a page comes.
    badge.forget(tabId);
    refresh(tabId);
  },
  closed(tabId) {
    badge.forget(tabId);
    session.closes(tabId);
  },
};

/** A connection was met: judged where its chain is new for its host, else only counted. */
async function met(sighting: Sighting, chain: string[]): Promise<void> {
  if (!(await agreed())) return;
  session.counts.seen += 1;
  const { entry, isNew } = session.enter(sighting, chain);
  session.attach(sighting, entry.key);
  const page = session.pageOf(sighting.tabId);
  if (page !== null) page.judged += 1;
  if (isNew) {
    await judge(entry);
    // Other tabs may have met it meanwhile.
    for (const tab of session.tabsWith(entry.key)) refresh(tab);
  }
  refresh(sighting.tabId);
  session.persistSoon();
}

async function judge(entry: Entry): Promise<void> {
  const portal = await platform.portal();
  const document = makeDocument(platform.name, version, Date.now(), [observation(entry.sighting, entry.chain)], portal);
  const judged = await validator.judged(document);
  session.counts.judged += 1;
  if (judged.report === null) {
    // Not judged is no verdict: the mark says so, and the bytes are kept for whoever asks why.
    entry.failure = judged.failure;
    entry.mark = "unknown";
  } else {
    await take(entry, judged.report, 0);
  }
  session.persist(entry);
  if (entry.mark !== "none") correlateSoon();
}

async function take(entry: Entry, report: Report, index: number): Promise<void> {
  const host = report.hosts[index];
  if (host === undefined) return;
  session.note(entry, report, host, (await settings()).declared);
  tell(entry, host);
  await session.keep(entry, async () => session.documentOf(entry, version, await platform.portal()));
}

/** Tells of what no client would notice. The system keeps notifications: of private windows it is told none. */
function tell(entry: Entry, host: HostReport): void {
  if (tellsAtOnce(host) && !entry.sighting.isPrivate) badge.tell(`${host.host} ${host.anchors[0]?.spki_sha256 ?? ""}`, host.host);
}

/** Hosts that are judged together, at most: what many hosts share shows itself in far fewer. */
const TOGETHER = 48;
const REST_MS = 2_000;
let correlating: ReturnType<typeof setTimeout> | undefined;

function correlateSoon(): void {
  clearTimeout(correlating);
  correlating = setTimeout(() => void correlate(), REST_MS);
}

/** Judges the last hosts together: one issuer or one key for many shows in no single connection. */
async function correlate(): Promise<void> {
  const portal = await platform.portal();
  const all = session.together(version, portal, TOGETHER);
  if (all.entries.length < 2) return;
  const declared = (await settings()).declared;
  const markIn = (report: Report, index: number): Mark => {
    const host = report.hosts[index];
    return host === undefined ? "none" : markOf(host, declaredFor(host, declared, Date.now()));
  };
  const seen = (await validator.judged(all.document)).report;
  if (seen === null) return;
  // Only those are judged as one document and kept as one that somebody answers for: who else was visited is nobody's evidence.
  const several = all.entries.filter((_, index) => rank(markIn(seen, index)) >= rank("warning"));
  if (!several.some((entry) => rank(entry.mark) < rank("warning"))) return;
  const document = session.documentOfAll(several, version, portal);
  const { report } = await validator.judged(document);
  if (report === null) return;
  for (const [index, entry] of several.entries()) {
    const host = report.hosts[index];
    // Together more is known; what one connection showed by itself is never taken back.
    if (host === undefined || rank(markIn(report, index)) <= rank(entry.mark)) continue;
    session.note(entry, { ...report, hosts: [host], verdict: host.verdict, findings: of(report, index) }, host, declared);
    entry.document = document;
    tell(entry, host);
    await session.keep(entry, () => Promise.resolve(document));
    session.persist(entry);
    for (const tab of session.tabsWith(entry.key)) refresh(tab);
  }
}

function of(report: Report, index: number): Report["findings"] {
  return report.findings.filter((finding) => finding.observation === index).map((finding) => ({ ...finding, observation: 0 }));
}

/** The browser shows nothing of a page: the helper looks, where the person wanted that. */
async function sightless(tabId: number, host: string, port: number): Promise<void> {
  if (!(await agreed()) || !(await settings()).helper || platform.sight() === "chain") return;
  const page = session.pageOf(tabId);
  if (page?.isPrivate === true || (await isPrivate(tabId))) return;
  const before = [...session.entries.values()].find((entry) => entry.sighting.source === "helper" && entry.sighting.host === host);
  const entry = before ?? (await askHelper(host, port, false)).entry;
  if (entry !== null) {
    session.attach({ ...entry.sighting, tabId, isMain: true }, entry.key);
    refresh(tabId);
    session.persistSoon();
  }
}

async function isPrivate(tabId: number): Promise<boolean> {
  return api.tabs.get(tabId).then(
    (tab) => tab.incognito,
    () => true,
  );
}

async function askHelper(host: string, port: number, isPrivate: boolean): Promise<{ entry: Entry | null; trouble: string | null }> {
  const looked = await helper.helperLook(host, port);
  const seen = looked.evidence?.observations[0];
  if (looked.report === null || seen === undefined) return { entry: null, trouble: looked.trouble };
  const chain = typeof seen.chain === "object" && "yes" in seen.chain ? seen.chain.yes.certificates : [];
  const fingerprints = looked.report.hosts[0]?.chain.map((one) => one.sha256) ?? [];
  const sighting: Sighting = { ...unseen({ host, port }), source: "helper", at: seen.at, fingerprints, isPrivate };
  const { entry } = session.enter(sighting, chain);
  entry.document = looked.evidence;
  await take(entry, looked.report, 0);
  session.persist(entry);
  return { entry, trouble: null };
}

// The badge.

function refresh(tabId: number): void {
  if (tabId < 0) return;
  const page = session.pageOf(tabId);
  if (page !== null) badge.show(tabId, markOfPage(page));
}

function markOfPage(page: session.Page): Mark {
  if (page.host === null) return "none";
  const main = page.main === null ? undefined : session.entries.get(page.main);
  const rest = [...page.keys].flatMap((key) => session.entries.get(key)?.mark ?? []);
  // What was not looked at is no "nothing found".
  return pageMark(main?.mark ?? "unknown", rest);
}

// Consent and life.

async function agreed(): Promise<boolean> {
  await ready();
  return consent === true;
}

function ready(): Promise<void> {
  restored ??= (async () => {
    consent = (await settings()).consent;
    if (!consent) session.unlearn();
    await session.restore();
  })();
  return restored;
}

api.runtime.onInstalled.addListener((details) => {
  if (details.reason === "install") void welcome();
});

async function welcome(): Promise<void> {
  if (!(await settings()).consent) await api.tabs.create({ url: api.runtime.getURL("welcome.html") });
}

api.storage.onChanged.addListener((changes, area) => {
  if (area === "local" && LAB && changes["labOverlay"] !== undefined) validator.layOver((changes["labOverlay"].newValue as string) ?? null);
  if (area !== "managed" && !(area === "local" && changes["settings"] !== undefined)) return;
  reread();
  helper.askAnew();
  void settings().then((now) => {
    consent = now.consent;
    session.remark(now.declared);
    for (const tab of session.tabIds()) refresh(tab);
  });
});

/** How own requests are made: while the whole chain is looked at, where this build may. */
const way: check.Way = {
  request: (host, run) => (platform.own === undefined ? run() : platform.own.request(host, run, listener)),
  end: async () => platform.own?.end(),
};

/** A change of network: a check, where the person left it on and agreed. */
async function networkChanged(): Promise<void> {
  if ((await agreed()) && (await settings()).networkCheck) await check.startAfterChange(way);
}

globalThis.addEventListener("online", () => void networkChanged());
const captivePortal = (api as unknown as { captivePortal?: { onConnectivityAvailable: { addListener(run: () => void): void } } }).captivePortal;
captivePortal?.onConnectivityAvailable.addListener(() => void networkChanged());

// Pages.

type Handlers = { [K in Kind]: (ask: Protocol[K]["ask"]) => Promise<Answer<K>> };

const handlers: Handlers = {
  tab: ({ tabId }) => tabState(tabId),
  async whole({ key }) {
    const entry = session.entries.get(key);
    if (entry !== undefined) return session.whole(entry, (await settings()).declared);
    const finding = (await session.kept()).find((one) => one.key === key);
    if (finding === undefined) return null;
    const { host, cause, mark, at, report } = finding;
    const port = report.hosts[0]?.port ?? 443;
    return { key, host, port, mark, source: "browser", cause, requests: 0, firstSeen: at, report, note: null, declared: null, failure: null };
  },
  async details({ key }) {
    const chain = session.entries.get(key)?.chain ?? (await session.keptChain(key));
    const one = (der: string) => validator.described(Uint8Array.from(atob(der), (letter) => letter.charCodeAt(0)));
    return (await Promise.all(chain.map((der) => one(der).catch(() => [])))).flat();
  },
  explain: ({ detector }) => validator.explained(detector),
  authorities: () => Promise.resolve(session.authorityRows()),
  view: ({ files, host }) => viewed(files, host, version),
  async export({ key, profile }) {
    const entry = session.entries.get(key);
    const document =
      entry === undefined
        ? (await session.kept()).find((one) => one.key === key)?.document
        : session.documentOf(entry, version, await platform.portal());
    const report = entry?.report ?? (await session.kept()).find((one) => one.key === key)?.report ?? null;
    return document === undefined ? null : exported(document, report, profile);
  },
  async check({ start }) {
    if (start && (await agreed())) void check.start(way).then(() => session.persistSoon());
    return check.state();
  },
  async helperLook({ host, port, isPrivate }) {
    if (!(await agreed())) return { whole: null, trouble: "nobody agreed yet" };
    const { entry, trouble } = await askHelper(host, port, isPrivate);
    return { whole: entry === null ? null : session.whole(entry, (await settings()).declared), trouble };
  },
  helperState: () => helper.helperState(),
  findings: async () => (await session.kept()).map(({ key, host, cause, mark, at }) => ({ key, host, cause, mark, at })),
  forget: async () => {
    await session.forget();
    return null;
  },
  settings: () => settings(),
  save: ({ settings: wanted }) => save(wanted),
  async about() {
    await validator.load();
    const empty = makeDocument(platform.name, version, Date.now(), [], null);
    const { report } = await validator.judged(empty);
    return { version, browser: platform.name, lab: LAB, ...session.counts, ...validator.figures(), tables: report?.tables ?? [] };
  },
};

async function tabState(tabId: number): Promise<TabState> {
  const page = session.pageOf(tabId);
  const declared = (await settings()).declared;
  const main = page?.main == null ? undefined : session.entries.get(page.main);
  const { told, dropped } = page === null ? { told: [], dropped: 0 } : session.others(page);
  const allowed = await api.permissions.contains({ origins: ["https://*/*"] });
  return {
    tabId,
    host: page?.host ?? null,
    mark: page === null ? "unknown" : markOfPage(page),
    main: main === undefined ? null : session.whole(main, declared),
    others: told,
    dropped,
    sight: allowed ? platform.sight() : "no-permission",
    helper: await helper.helperState(),
    isPrivate: page?.isPrivate ?? (await isPrivate(tabId)),
    portal: (await platform.portal()) ?? false,
    judged: page?.judged ?? 0,
    missed: page?.missed ?? 0,
  };
}

/** What laboratories ask besides: the judge's own bytes, and what comes after a trap. */
const ofLaboratories: Record<string, (ask: { text: string }) => Promise<unknown>> = {
  async judgeText({ text }) {
    await validator.load();
    try {
      return { report: validator.judgeText(text) };
    } catch (error) {
      return { error: validator.said(error) };
    }
  },
  trap: () => validator.trapped(),
};

async function answer(ask: Ask<Kind>): Promise<{ yes: unknown } | { no: string }> {
  try {
    await ready();
    const known = (LAB ? { ...ofLaboratories, ...handlers } : handlers) as Record<string, (ask: unknown) => Promise<unknown>>;
    const handler = Object.hasOwn(known, ask.kind) ? known[ask.kind] : undefined;
    return handler === undefined ? { no: `no such question: ${ask.kind}` } : { yes: await handler(ask) };
  } catch (error) {
    return { no: validator.said(error) };
  }
}

/** Only our own pages: no site and no other extension. */
function isOurs(sender: browser.runtime.MessageSender): boolean {
  return sender.id === api.runtime.id && (sender.url ?? "").startsWith(api.runtime.getURL(""));
}

api.runtime.onMessage.addListener((message: unknown, sender: browser.runtime.MessageSender, respond: (answer: unknown) => void) => {
  if (!isOurs(sender)) return undefined;
  void answer(message as Ask<Kind>).then(respond);
  // The answer comes later.
  return true;
});

platform.watch(listener);
