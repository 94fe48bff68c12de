/**
 * What the background and the pages say to each other: one request, one answer.
 *
 * Pages of the web can say none of it: no page may connect from outside, and `isOurs` looks at the sender.
 */
import type { Evidence } from "./generated/evidence";
import type { HostReport, Report } from "./generated/report";

/** What the badge shows; each has a shape and a text of its own besides its colour. */
export type Mark = "none" | "info" | "unknown" | "warning" | "alarm";

/** Who looked. */
export type Source = "browser" | "helper" | "check";

/** What is known of one host of a tab, as a list shows it. */
export interface Summary {
  /** Names the chain and the host; asks for the whole by it. */
  key: string;
  host: string;
  port: number;
  mark: Mark;
  source: Source;
  /** The cause of the report's verdict, or why there is none yet. */
  cause: HostReport["verdict"]["cause"] | "judge-failed" | "not-looked";
  /** Requests that this chain answered for. */
  requests: number;
  /** UNIX milliseconds. */
  firstSeen: number;
}

/** All that is known of one host and chain. */
export interface Whole extends Summary {
  report: Report | null;
  /** Set when somebody let an error pass (`overridden-trust`, `-name`, `-time`, `-unnamed`), or the browser refused: its own code. */
  note: string | null;
  /** The inspection CA that the user declared and that vouched here, by its label. */
  declared: string | null;
  /** Set when the judge failed on these bytes and was made anew: what it said. */
  failure: string | null;
}

/** What a browser lets us see; `helper` stands beside it. */
export type Sight =
  | "chain"
  | "end-entity"
  | "feature-off"
  | "nothing-yet"
  | "no-permission";

/** The state of the native helper. */
export type HelperState = "off" | "no-permission" | "not-installed" | "ready" | "failed";

/** What the popup shows first. */
export interface TabState {
  tabId: number;
  /** Host of the page in the tab; null for pages we see nothing of (`about:`, stores, `http:`). */
  host: string | null;
  mark: Mark;
  /** The main document's, where it was seen. */
  main: Whole | null;
  /** The others, worst first; at most 200. */
  others: Summary[];
  /** How many more there were. */
  dropped: number;
  sight: Sight;
  helper: HelperState;
  /** Private windows: nothing of it is kept. */
  isPrivate: boolean;
  /** A captive portal stands before the network. */
  portal: boolean;
  /** Judged evidence documents, and events that could not be judged. */
  judged: number;
  missed: number;
}

/** One authority of this session, and how many sites it vouched for. */
export interface AuthorityRow {
  spkiSha256: string;
  name: string;
  kind: "public" | "local" | "retired" | "unknown";
  /** Registrable domains; `example.co.uk` is one. At most 50 are told. */
  sites: string[];
  siteCount: number;
  mark: Mark;
}

/** An inspection CA that somebody says is theirs. */
export interface DeclaredCa {
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hexadecimal. */
  spkiSha256: string;
  label: string;
  /** UNIX milliseconds; past it the declaration says nothing. */
  expires: number;
  /** Set by an organisation's policy: cannot be changed here. */
  managed: boolean;
}

export interface Settings {
  declared: DeclaredCa[];
  /** Look at hosts of the pool when asked, and when the network changes. */
  networkCheck: boolean;
  /** Whether the helper may be asked. */
  helper: boolean;
  /** Whether the first page was read and agreed to; nothing is observed before. */
  consent: boolean;
  /** What an organisation has locked. */
  locked: ("declared" | "networkCheck" | "helper")[];
}

/** A check of hosts of the pool. */
export interface CheckState {
  running: boolean;
  asked: number;
  answered: number;
  /** UNIX milliseconds; null before the first. */
  finished: number | null;
  mark: Mark;
  rows: Summary[];
}

/** A finding that outlives the session: evidence of interception. */
export interface KeptFinding {
  key: string;
  host: string;
  cause: HostReport["verdict"]["cause"];
  mark: Mark;
  at: number;
}

/** What a certificate says, as far as people ask; texts are hostile. The judge's `describe` tells it. */
export interface CertificateDetails {
  /** Base64; PEM is made of it where somebody asks. */
  der: string;
  sha256: string;
  spkiSha256: string;
  subject: string;
  issuer: string;
  serial: string;
  /** UNIX seconds. */
  notBefore: number;
  notAfter: number;
  /** `RSA, 2048 bits`, `P-256` … */
  key: string;
  signature: string;
  isCa: boolean;
  pathLength: number | null;
  purposes: string[] | null;
  names: string[];
  namesLeftOut: number;
  /** Name constraints, in words; null where there are none. */
  permits: string[] | null;
  hasSctList: boolean;
  subjectKeyId: string | null;
  authorityKeyId: string | null;
}

/** Texts of one detector. */
export interface Explanation {
  id: string;
  summary: string;
  shows: string;
  cannotTell: string;
  sources: string[];
}

/** Evidence as it would leave, and what was taken out of it. */
export interface Export {
  fileName: string;
  text: string;
  removed: string[];
}

/** Every request, and what answers it. */
export interface Protocol {
  tab: { ask: { tabId: number }; answer: TabState };
  whole: { ask: { key: string }; answer: Whole | null };
  /** Certificates of a chain as seen, in its order. */
  details: { ask: { key: string }; answer: CertificateDetails[] };
  explain: { ask: { detector: string }; answer: Explanation | null };
  authorities: { ask: object; answer: AuthorityRow[] };
  /** PEM or DER that somebody dropped, each file in base64: judged as files, kept nowhere. `host` may be empty. */
  view: { ask: { files: string[]; host: string }; answer: { details: CertificateDetails[]; report: Report | null; trouble: string | null } };
  export: { ask: { key: string; profile: "internal" | "public" }; answer: Export | null };
  check: { ask: { start: boolean }; answer: CheckState };
  /** Asks the helper for another handshake with a host; null: the helper did not answer, see `helper`. */
  helperLook: { ask: { host: string; port: number; isPrivate: boolean }; answer: { whole: Whole | null; trouble: string | null } };
  helperState: { ask: object; answer: HelperState };
  findings: { ask: object; answer: KeptFinding[] };
  forget: { ask: object; answer: null };
  settings: { ask: object; answer: Settings };
  save: { ask: { settings: Settings }; answer: { settings: Settings; trouble: string | null } };
  /** Figures for tests and the curious. */
  about: { ask: object; answer: About };
}

export interface About {
  version: string;
  browser: "firefox" | "chromium";
  /** A build for laboratories takes other tables; one that ships cannot. */
  lab: boolean;
  /** Milliseconds until the judge answered first. */
  startUp: number | null;
  seen: number;
  judged: number;
  fromCache: number;
  missed: number;
  remade: number;
  tables: Report["tables"];
}

export type Kind = keyof Protocol;
export type Ask<K extends Kind> = { kind: K } & Protocol[K]["ask"];
export type Answer<K extends Kind> = Protocol[K]["answer"];
export type { Evidence, HostReport, Report };
