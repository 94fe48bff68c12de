/** The only door to the judge. A trap inside it reaches nobody: the module is made anew, and who asked is told. */
import init, * as judge from "./mintwatch.js";
import { api } from "./api";
import type { CertificateDetails, Evidence, Explanation, Report } from "./messages";

/** What came of asking. */
export type Judged = { report: Report; failure: null } | { report: null; failure: string };

/** Milliseconds from the first question to a module that can answer. */
let startUp: number | null = null;
/** How often the module was made anew. */
let remade = 0;
let ready: Promise<void> | null = null;
/** Tables of a laboratory; a module that ships has no door for them. */
let overlay: string | null = null;

/** Loads the module, once; called lazily, so that an event that needs no judge pays nothing. */
export function load(): Promise<void> {
  ready ??= start().catch((error: unknown) => {
    // The next question tries again.
    ready = null;
    throw error;
  });
  return ready;
}

async function start(): Promise<void> {
  const began = performance.now();
  await init({ module_or_path: api.runtime.getURL("mintwatch_bg.wasm") });
  await handOverKeys();
  startUp = performance.now() - began;
  if (LAB) overlay = ((await api.storage.local.get("labOverlay")) as { labOverlay?: string }).labOverlay ?? null;
}

async function handOverKeys(): Promise<void> {
  const file = await fetch(api.runtime.getURL("mintwatch_issuer_keys.bin"));
  judge.loadIssuerKeys(new Uint8Array(await file.arrayBuffer()));
}

/** Takes a laboratory's tables from now on. */
export function layOver(text: string | null): void {
  if (LAB) overlay = text;
}

/** Judges a document. What it is judged by is compiled in. */
export async function judged(evidence: Evidence): Promise<Judged> {
  try {
    return { report: await guarded(() => JSON.parse(judgeText(JSON.stringify(evidence))) as Report), failure: null };
  } catch (error) {
    return { report: null, failure: said(error) };
  }
}

/** The judge's own bytes for a document's own bytes: what parity is about. */
export function judgeText(evidence: string): string {
  return LAB && overlay !== null ? judge.judgeWithOverlay(evidence, overlay) : judge.judge(evidence);
}

export function described(file: Uint8Array): Promise<CertificateDetails[]> {
  return guarded(() => JSON.parse(judge.describe(file)) as CertificateDetails[]);
}

export function explained(detector: string): Promise<Explanation | null> {
  return guarded(() => JSON.parse(judge.explain(detector) ?? "null") as Explanation | null);
}

/** Hosts of the pool, drawn by the browser's own randomness. */
export function drawn(count: number): Promise<string[]> {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return guarded(() => JSON.parse(judge.draw(count, seed)) as string[]);
}

export function version(): Promise<string> {
  return guarded(() => judge.version());
}

/** Traps on purpose; laboratories alone can. */
export function trapped(): Promise<void> {
  return guarded(() => judge.trap());
}

export function figures(): { startUp: number | null; remade: number } {
  return { startUp, remade };
}

/** Runs something in the module; after a trap, whose memory nobody may trust, the module is made anew. */
async function guarded<T>(run: () => T): Promise<T> {
  await load();
  try {
    return run();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
      judge.__wbg_reset_state();
      remade += 1;
      await handOverKeys();
    }
    throw error;
  }
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
