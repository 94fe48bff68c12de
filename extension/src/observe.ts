/** What a browser tells of one connection, before it becomes evidence. No URL is in it. */
import type { Observation } from "./generated/evidence";
import type { Source } from "./messages";

type Failure = Extract<Observation["ending"], { failed: unknown }>["failed"];

/** One look at one connection. */
export interface Sighting {
  source: Source;
  /** -1 where no tab is concerned. */
  tabId: number;
  /** Whether it is the tab's own document. */
  isMain: boolean;
  isPrivate: boolean;
  host: string;
  port: number;
  /** UNIX milliseconds. */
  at: number;
  transport: "tcp" | "quic";
  /** `address:port`; null where the browser does not say, or a proxy stands between. */
  peer: string | null;
  via: "direct" | "http-connect" | "socks5" | null;
  /** SHA-256 of each certificate, lower-case hexadecimal, in order; empty where none is shown. */
  fingerprints: string[];
  form: "presented" | "built" | "end-entity-only";
  client: Extract<NonNullable<Observation["client"]>, { yes: unknown }>["yes"] | null;
  tls: Extract<Observation["tls"], { yes: unknown }>["yes"] | null;
  failure: Failure | null;
}

/** What a browser's room calls when something happens. */
export interface Listener {
  /** A connection whose certificates are known: `fingerprints` names them, and `certificates` has their bytes. */
  seen(sighting: Sighting, certificates: Uint8Array[]): void;
  /** Like `seen`, where every certificate had been handed over before. */
  seenAgain(sighting: Sighting): boolean;
  /** A connection that failed, or whose error somebody let pass without a certificate being shown. */
  failed(sighting: Sighting): void;
  /** A response from the browser's cache: old evidence, only counted. */
  fromCache(): void;
  /** A response over TLS of which nothing could be learnt. */
  missed(tabId: number, isMain: boolean, host: string, port: number): void;
  /** Headers of a tab's next document came; called before anything is waited for. */
  begins(tabId: number, host: string): void;
  /** A tab shows another document now. */
  navigated(tabId: number, host: string | null): void;
  /** A tab has its document: what is shown on its badge now stays. */
  settled(tabId: number): void;
  closed(tabId: number): void;
}

/** How one browser lets us look. */
export interface Platform {
  name: "firefox" | "chromium";
  /** Registers every listener; called at once and synchronously, so that a suspended page is woken by them. */
  watch(listener: Listener): void;
  /** Whether a chain, an end-entity alone or nothing can be seen here, as far as is known by now. */
  sight(): "chain" | "end-entity" | "feature-off" | "nothing-yet";
  /** Makes a request of our own while the whole chain is looked at, where a build may; `end` ends a series. */
  own?: { request(host: string, request: () => Promise<void>, listener: Listener): Promise<void>; end(): Promise<void> };
  /** Whether a captive portal stands before the network; null where the browser does not say. */
  portal(): Promise<boolean | null>;
}

/** Host and port of a URL; nothing else of it is ever kept. */
export function authority(url: string): { host: string; port: number } | null {
  const parsed = URL.parse(url);
  if (!parsed || !/^(https|wss):$/.test(parsed.protocol)) return null;
  const host = parsed.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return host === "" ? null : { host, port: parsed.port === "" ? 443 : Number(parsed.port) };
}

/** The tab's own URL, of which the scheme and the host are looked at. */
export function hostOf(url: string): string | null {
  return authority(url)?.host ?? null;
}

/** A look at a host of which nothing is known yet but when it was. */
export function unseen(target: { host: string; port: number }): Sighting {
  return {
    source: "browser",
    tabId: -1,
    isMain: false,
    isPrivate: false,
    ...target,
    at: Date.now(),
    transport: "tcp",
    peer: null,
    via: null,
    fingerprints: [],
    form: "built",
    client: null,
    tls: null,
    failure: null,
  };
}

