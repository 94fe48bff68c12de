/**
 * How Chromium lets us look: the end-entity certificate alone, and only where the feature `WebRequestSecurityInfo` is on.
 *
 * Where it is off nothing says so: a listener that asks for `securityInfo` is registered and hears nothing useful. A plain
 * listener beside it sees the same responses, and tells by them that the feature is off.
 */
import { api } from "../api";
import type { Listener, Platform, Sighting } from "../observe";
import { authority, unseen } from "../observe";
import { ofChromium } from "./failures";
import { watchTabs } from "./tabs";
import { detach, withChain } from "./whole-chain";

interface Shown {
  state: "secure" | "insecure" | "broken";
  certificates: { fingerprint: { sha256: string }; rawDER?: ArrayBuffer }[];
}
type Details = chrome.webRequest.OnHeadersReceivedDetails & { securityInfo?: Shown; ip?: string };

const HTTPS = { urls: ["https://*/*", "wss://*/*"] };
const event = () => chrome.webRequest;

/** Responses whose headers came and of which it is not known yet whether they are from the cache, by request. */
const pending = new Map<string, { details: Details; timer: ReturnType<typeof setTimeout> }>();
/** After so long without a word a response counts as one from the network. */
const SETTLES_MS = 3_000;
const MOST_PENDING = 2_000;
let shown: "nothing-yet" | "end-entity" | "feature-off" = "nothing-yet";
/** Plain events over TLS since the last one that showed a certificate. */
let unshown = 0;

function watch(listener: Listener): void {
  // Registered first and by itself: where the feature is off, the other one may never be called.
  event().onHeadersReceived.addListener((details) => {
    headers(details as Details, listener);
    return undefined;
  }, HTTPS);
  try {
    event().onHeadersReceived.addListener(
      (details) => {
        certificate(details as Details, listener);
        return undefined;
      },
      HTTPS,
      ["securityInfoRawDer"] as unknown as chrome.webRequest.OnHeadersReceivedOptions[],
    );
  } catch {
    // A Chromium that does not know the word: the plain listener tells.
  }
  event().onResponseStarted.addListener((details) => settle(details.requestId, details.fromCache, listener), HTTPS);
  // The next hop bears the same number; what this one showed is told before it begins.
  event().onBeforeRedirect.addListener((details) => settle(details.requestId, details.fromCache, listener), HTTPS);
  event().onErrorOccurred.addListener((details) => {
    // Headers came, so the handshake was made, whatever became of the body.
    settle(details.requestId, details.fromCache, listener);
    const target = authority(details.url);
    const failure = ofChromium(details.error);
    if (details.type !== "main_frame" || target === null || failure === null) return;
    void withPrivacy({ ...unseen(target), form: "end-entity-only", tabId: details.tabId, isMain: true, failure }).then(listener.failed);
  }, HTTPS);
  watchTabs(listener);
}

function headers(details: Details, listener: Listener): void {
  const target = authority(details.url);
  if (target === null || pending.has(details.requestId)) return;
  if (pending.size >= MOST_PENDING) return listener.missed(details.tabId, details.type === "main_frame", target.host, target.port);
  if (details.type === "main_frame") listener.begins(details.tabId, target.host);
  const timer = setTimeout(() => settle(details.requestId, false, listener), SETTLES_MS);
  pending.set(details.requestId, { details, timer });
}

function certificate(details: Details, listener: Listener): void {
  headers(details, listener);
  const known = pending.get(details.requestId);
  if (known !== undefined && details.securityInfo !== undefined) known.details = details;
  // An upgrade to WebSocket starts no response.
  if ((details.type as string) === "websocket") settle(details.requestId, false, listener);
}

function settle(requestId: string, fromCache: boolean, listener: Listener): void {
  const known = pending.get(requestId);
  if (known === undefined) return;
  clearTimeout(known.timer);
  pending.delete(requestId);
  const { details } = known;
  const target = authority(details.url);
  if (target === null) return;
  if (fromCache) return listener.fromCache();
  const security = details.securityInfo;
  if (security === undefined) {
    unshown += 1;
    // The order of the two listeners is not told; one event may still be on its way.
    if (unshown > 1 || shown === "feature-off") shown = "feature-off";
    return listener.missed(details.tabId, details.type === "main_frame", target.host, target.port);
  }
  unshown = 0;
  shown = "end-entity";
  const first = security.certificates[0];
  const sighting: Sighting = {
    ...unseen(target),
    form: "end-entity-only",
    source: details.initiator === location.origin && details.tabId === -1 ? "check" : "browser",
    tabId: details.tabId,
    isMain: details.type === "main_frame",
    at: details.timeStamp,
    peer: details.ip === undefined ? null : `${details.ip.includes(":") ? `[${details.ip}]` : details.ip}:${target.port}`,
    transport: /^HTTP\/3/.test(details.statusLine) ? "quic" : "tcp",
    fingerprints: first === undefined ? [] : [first.fingerprint.sha256.replaceAll(":", "").toLowerCase()],
    client: { anchor: "not-visible", pinned: "not-visible", ...(security.state === "broken" ? { overridden: "unnamed" as const } : {}) },
  };
  const der = first?.rawDER;
  void withPrivacy(sighting).then((whole) => {
    if (der === undefined || whole.fingerprints.length === 0) return listener.failed(whole);
    listener.seen(whole, [new Uint8Array(der)]);
  });
}

/** A request does not say whether its window is private; its tab does. */
async function withPrivacy(sighting: Sighting): Promise<Sighting> {
  // Of a request without a tab, such as a site's worker's, nothing tells; our own are no secret.
  if (sighting.tabId < 0) return { ...sighting, isPrivate: sighting.source !== "check" };
  try {
    return { ...sighting, isPrivate: (await api.tabs.get(sighting.tabId)).incognito };
  } catch {
    // The tab is gone: of what may have been private nothing is kept.
    return { ...sighting, isPrivate: true };
  }
}

/** A request of our own, with the whole chain where the build may see it. */
async function own(host: string, request: () => Promise<void>, listener: Listener): Promise<void> {
  const certificates = await withChain(`https://${host}`, request);
  if (certificates.length === 0) return;
  const digests = await Promise.all(certificates.map((der) => crypto.subtle.digest("SHA-256", der as BufferSource)));
  const fingerprints = digests.map((digest) => [...new Uint8Array(digest)].map((octet) => octet.toString(16).padStart(2, "0")).join(""));
  listener.seen({ ...unseen({ host, port: 443 }), source: "check", fingerprints, form: "built" }, certificates);
}

export const platform: Platform = {
  name: "chromium",
  watch,
  sight: () => shown,
  portal: () => Promise.resolve(null),
  ...(MANAGED ? { own: { request: own, end: detach } } : {}),
};
