/** How Firefox lets us look: the chain it built, for every response over TLS that came from the network. */
import { api } from "../api";
import type { Listener, Platform, Sighting } from "../observe";
import { authority, unseen } from "../observe";
import { ofFirefox } from "./failures";
import { watchTabs } from "./tabs";

type Details = browser.webRequest._OnHeadersReceivedDetails & { proxyInfo?: { type: string }; fromCache?: boolean; ip?: string | null };
/** Fields that the type package does not know yet. */
type Security = browser.webRequest.SecurityInfo & { overridableErrorCategory?: string; usedEch?: boolean };

const HTTPS = { urls: ["https://*/*", "wss://*/*"] };

/** Fingerprints whose bytes were handed over: for these no DER is asked again. */
const known = new Set<string>();
/**
 * Hosts of which some chain was handed over, as `host:port`. Of others everything is asked for at once: a second call can
 * come too late, when the response has gone on.
 */
const met = new Set<string>();
/** As many certificates as a session of a day meets; beyond it everything is asked anew. */
const MOST_KNOWN = 8_000;

function watch(listener: Listener): void {
  api.webRequest.onHeadersReceived.addListener(
    (details) => {
      // Not awaited: the response goes on at once, and the call was made while the channel was still registered.
      void look(details as Details, listener);
      return undefined;
    },
    HTTPS,
    // Without "blocking" every call answers `undefined`, silently.
    ["blocking"],
  );
  api.webNavigation.onErrorOccurred.addListener((details) => {
    const target = authority(details.url);
    const error = (details as { error?: string }).error ?? "";
    const failure = ofFirefox(error);
    if (details.frameId !== 0 || target === null || failure === null) return;
    const sighting = { ...unseen(target), tabId: details.tabId, isMain: true, failure, isPrivate: false };
    void api.tabs.get(details.tabId).then(
      (tab) => listener.failed({ ...sighting, isPrivate: tab.incognito }),
      () => listener.failed(sighting),
    );
  });
  watchTabs(listener);
}

async function look(details: Details, listener: Listener): Promise<void> {
  const target = authority(details.url);
  if (target === null) return;
  const isMain = details.type === "main_frame";
  if (isMain) listener.begins(details.tabId, target.host);
  if (details.fromCache) return listener.fromCache();
  const name = `${target.host}:${target.port}`;
  const isNew = !met.has(name);
  const chain = asked(details.requestId, { certificateChain: true, rawDER: isNew });
  // Where an error was overridden the chain is empty, and the end-entity is shown when no chain is asked for. Both are asked for
  // at once: after the first answer the response has gone on.
  const alone = isNew ? asked(details.requestId, { certificateChain: false, rawDER: true }) : null;
  let info = await chain;
  if (info === undefined || info.state === "insecure") return listener.missed(details.tabId, isMain, target.host, target.port);
  let form: Sighting["form"] = "built";
  if (info.certificates.length === 0) {
    form = "end-entity-only";
    info = (await alone) ?? (await again(details.requestId, { certificateChain: false, rawDER: true }, info));
  }
  const fingerprints = info.certificates.map(fingerprint);
  const sighting: Sighting = { ...unseen(target), ...told(details, info), form, fingerprints };
  if (fingerprints.length === 0) return listener.failed(sighting);
  if (!hasDer(info)) {
    if (fingerprints.every((one) => known.has(one)) && listener.seenAgain(sighting)) return;
    info = await again(details.requestId, { certificateChain: form === "built", rawDER: true }, info);
  }
  if (!hasDer(info)) {
    // The channel was gone before the second call: the next request of this host asks for everything at once.
    forget(fingerprints);
    met.delete(name);
    return listener.missed(details.tabId, isMain, target.host, target.port);
  }
  // Of a host whose error was overridden everything is asked for at once, every time.
  remember(fingerprints, form === "built" ? name : null);
  listener.seen(sighting, info.certificates.map((one) => Uint8Array.from(one.rawDER ?? [])));
}

async function asked(requestId: string, how: browser.webRequest._GetSecurityInfoOptions): Promise<Security | undefined> {
  try {
    return (await api.webRequest.getSecurityInfo(requestId, how)) as Security | undefined;
  } catch {
    return undefined;
  }
}

async function again(requestId: string, how: browser.webRequest._GetSecurityInfoOptions, before: Security): Promise<Security> {
  const after = await asked(requestId, how);
  return after !== undefined && after.certificates.length > 0 ? after : before;
}

function hasDer(info: Security): boolean {
  return info.certificates.length > 0 && info.certificates.every((one) => (one.rawDER?.length ?? 0) > 0);
}

function fingerprint(certificate: browser.webRequest.CertificateInfo): string {
  return certificate.fingerprint.sha256.replaceAll(":", "").toLowerCase();
}

function remember(fingerprints: string[], name: string | null): void {
  if (known.size + fingerprints.length > MOST_KNOWN) known.clear();
  if (met.size > MOST_KNOWN) met.clear();
  if (name !== null) met.add(name);
  for (const one of fingerprints) known.add(one);
}

function forget(fingerprints: string[]): void {
  for (const one of fingerprints) known.delete(one);
}

function told(details: Details, info: Security): Partial<Sighting> {
  const proxy = details.proxyInfo?.type;
  const throughProxy = proxy !== undefined && proxy !== "direct";
  const address = details.ip ?? null;
  return {
    source: details.originUrl?.startsWith(api.runtime.getURL("")) && details.tabId === -1 ? "check" : "browser",
    tabId: details.tabId,
    isMain: details.type === "main_frame",
    isPrivate: details.incognito ?? false,
    at: details.timeStamp,
    transport: /^HTTP\/3/.test(details.statusLine) ? "quic" : "tcp",
    // Through a proxy the address is the proxy's: it says nothing of the host.
    peer: address === null || throughProxy ? null : `${address.includes(":") ? `[${address}]` : address}:${authority(details.url)?.port ?? 443}`,
    via: !throughProxy ? "direct" : proxy.startsWith("socks") ? "socks5" : "http-connect",
    client: client(info),
    tls: negotiated(info),
  };
}

const OVERRIDES = { trust_error: "trust", domain_mismatch: "name", expired_or_not_yet_valid: "time" } as const;

function client(info: Security): NonNullable<Sighting["client"]> {
  const category = info.overridableErrorCategory;
  const overridden =
    category === undefined && info.state !== "broken" ? undefined : (OVERRIDES[category as keyof typeof OVERRIDES] ?? "unnamed");
  const anchor = info.certificates.at(-1);
  const isBuiltIn = info.certificates.length > 0 && overridden === undefined ? anchor?.isBuiltInRoot : undefined;
  return {
    anchor: isBuiltIn === undefined ? "not-visible" : { yes: isBuiltIn ? "built-in" : "added" },
    pinned: info.hpkp === undefined ? "not-visible" : { yes: Boolean(info.hpkp) },
    ...(overridden === undefined ? {} : { overridden }),
  };
}

/** Names that NSS has of its own for what IANA calls otherwise. */
const GROUPS: Record<string, string> = {
  x25519: "X25519",
  mlkem768x25519: "X25519MLKEM768",
  xyber768d00: "X25519Kyber768Draft00",
  P256: "secp256r1",
  P384: "secp384r1",
  P521: "secp521r1",
};

function negotiated(info: Security): Sighting["tls"] {
  if (info.protocolVersion === undefined || info.cipherSuite === undefined) return null;
  const group = info.keaGroupName;
  return {
    version: info.protocolVersion,
    cipher_suite: info.cipherSuite,
    group: group === undefined || group === "none" ? "not-visible" : { yes: GROUPS[group] ?? group },
    alpn: "not-visible",
    ech_accepted: info.usedEch === undefined ? "not-visible" : { yes: info.usedEch },
    full_handshake: "not-visible",
  };
}

async function portal(): Promise<boolean | null> {
  // Firefox' own check; where it is switched off the call fails.
  const state = await captivePortal?.getState().catch(() => "unknown");
  if (state === "locked_portal") return true;
  return state === "not_captive" || state === "unlocked_portal" ? false : null;
}

/** Not in the type package. */
const { captivePortal } = api as unknown as { captivePortal?: { getState(): Promise<string> } };

export const platform: Platform = { name: "firefox", watch, sight: () => "chain", portal };
