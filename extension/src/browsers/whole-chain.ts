/**
 * The whole chain of a request of our own in Chromium, by the permission `debugger` on our own worker and nobody's tab.
 *
 * Only the build for organisations asks for that permission: browsers show a banner for it. Where an organisation's policy
 * installs an extension Chromium refuses its own worker, and then the end-entity alone is seen, as in every other build.
 */

/** What `Network.getCertificate` answers: base64 of DER, the end-entity first, the anchor last, as the browser built it. */
interface Table {
  tableNames: string[];
}

/** Runs a request while attached, and returns the chain of its origin; nothing where attaching is refused. */
export async function withChain(origin: string, request: () => Promise<void>): Promise<Uint8Array[]> {
  const worker = await attach();
  await request();
  if (worker === null) return [];
  try {
    const table = (await chrome.debugger.sendCommand(worker, "Network.getCertificate", { origin })) as Table | undefined;
    return (table?.tableNames ?? []).map((der) => Uint8Array.from(atob(der), (letter) => letter.charCodeAt(0)));
  } catch {
    return [];
  }
}

let attached: chrome.debugger.Debuggee | null = null;

async function attach(): Promise<chrome.debugger.Debuggee | null> {
  if (attached !== null) return attached;
  try {
    const own = (await chrome.debugger.getTargets()).find((target) => target.url === chrome.runtime.getURL("background.js"));
    if (own === undefined) return null;
    const worker = { targetId: own.id };
    await chrome.debugger.attach(worker, "1.3");
    await chrome.debugger.sendCommand(worker, "Network.enable");
    attached = worker;
  } catch {
    // Refused: see above.
  }
  return attached;
}

/** Lets go, so that the banner leaves. */
export async function detach(): Promise<void> {
  if (attached === null) return;
  const worker = attached;
  attached = null;
  await chrome.debugger.detach(worker).catch(() => undefined);
}
