/** What the person chose, and what an organisation chose for them. */
import { api } from "./api";
import type { DeclaredCa, Settings } from "./messages";

const UNTOUCHED: Settings = { declared: [], networkCheck: true, helper: false, consent: false, locked: [] };
const MOST_DECLARED = 50;

interface Managed {
  declared?: { spkiSha256: string; label?: string; expires: string }[];
  networkCheck?: boolean;
  helper?: boolean;
  consent?: boolean;
  lock?: Settings["locked"];
}

let current: Settings | null = null;

/** Returns the settings; an organisation's come on top. */
export async function settings(): Promise<Settings> {
  current ??= laidOver(await own(), await managed());
  return current;
}

/** Keeps what may be changed here; answers why not, where a document is none. */
export async function save(wanted: Settings): Promise<{ settings: Settings; trouble: string | null }> {
  const trouble = troubleWith(wanted);
  if (trouble !== null) return { settings: await settings(), trouble };
  const before = await own();
  const locked = (await settings()).locked;
  const kept: Settings = {
    declared: locked.includes("declared") ? before.declared : wanted.declared.filter((one) => !one.managed),
    networkCheck: locked.includes("networkCheck") ? before.networkCheck : wanted.networkCheck,
    helper: locked.includes("helper") ? before.helper : wanted.helper,
    consent: wanted.consent,
    locked: [],
  };
  await api.storage.local.set({ settings: kept });
  current = null;
  return { settings: await settings(), trouble: null };
}

/** Says what is wrong with settings from a page or an imported file. */
export function troubleWith(wanted: Settings): string | null {
  if (wanted.declared.length > MOST_DECLARED) return `more than ${MOST_DECLARED} declared authorities`;
  for (const one of wanted.declared) {
    if (!/^[0-9a-f]{64}$/.test(one.spkiSha256)) return `not a SHA-256 in lower-case hexadecimal: ${one.spkiSha256}`;
    if (!Number.isFinite(one.expires)) return `no day on which the declaration of ${one.label} ends`;
    if (one.label.length > 100) return "a label of more than 100 characters";
  }
  return null;
}

/** Forgets what was read, so that the next question reads again: an organisation changed something. */
export function reread(): void {
  current = null;
}

async function own(): Promise<Settings> {
  const { settings: kept } = (await api.storage.local.get("settings")) as { settings?: Partial<Settings> };
  return { ...UNTOUCHED, ...kept };
}

async function managed(): Promise<Managed> {
  try {
    return ((await api.storage.managed.get()) ?? {}) as Managed;
  } catch {
    // Firefox: no organisation has set anything.
    return {};
  }
}

function laidOver(mine: Settings, theirs: Managed): Settings {
  const declared: DeclaredCa[] = (theirs.declared ?? []).flatMap((one) => {
    const expires = Date.parse(one.expires);
    const usable = /^[0-9a-f]{64}$/i.test(one.spkiSha256) && Number.isFinite(expires);
    return usable ? [{ spkiSha256: one.spkiSha256.toLowerCase(), label: (one.label ?? "").slice(0, 100), expires, managed: true }] : [];
  });
  return {
    declared: [...declared, ...mine.declared],
    networkCheck: theirs.networkCheck ?? mine.networkCheck,
    helper: theirs.helper ?? mine.helper,
    consent: theirs.consent ?? mine.consent,
    locked: theirs.lock ?? [],
  };
}
