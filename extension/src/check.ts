/** A check of hosts of the pool, asked for by the person or by a change of network: a few requests without credentials. */
import type { CheckState } from "./messages";
import { worst } from "./marks";
import { entries, summary } from "./session";
import { drawn } from "./validator";

const HOSTS = 12;
const AT_ONCE = 3;
const PATIENCE_MS = 10_000;
/** Two checks that nobody asked for are so far apart, in milliseconds. */
const REST_MS = 10 * 60 * 1_000;

/** How a request is made: by itself, or while somebody looks at its whole chain. */
export interface Way {
  request(host: string, run: () => Promise<void>): Promise<void>;
  end(): Promise<void>;
}

let running = false;
let finished: number | null = null;
let hosts: string[] = [];
let answered = new Set<string>();

/** Starts a check unless one is under way. */
export async function start(way: Way): Promise<void> {
  if (running) return;
  running = true;
  answered = new Set();
  try {
    hosts = await drawn(HOSTS);
    const left = [...hosts];
    const lane = async () => {
      for (let host = left.shift(); host !== undefined; host = left.shift()) await askHost(host, way);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } finally {
    await way.end();
    running = false;
    finished = Date.now();
  }
}

/** Starts one because the network changed, unless the last is recent. */
export async function startAfterChange(way: Way): Promise<void> {
  if (finished === null || Date.now() - finished > REST_MS) await start(way);
}

async function askHost(host: string, way: Way): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
  await way.request(host, () => request(host));
}

/** The request itself is seen by the listeners of `browsers/`; what it brings is thrown away. */
async function request(host: string): Promise<void> {
  try {
    await fetch(`https://${host}/`, {
      method: "HEAD",
      cache: "no-store",
      credentials: "omit",
      redirect: "manual",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    answered.add(host);
  } catch {
    // What went wrong is in the browser's own error event; no certificate is shown for it.
  }
}

export function state(): CheckState {
  const rows = [...entries.values()].filter((entry) => entry.sighting.source === "check" && hosts.includes(entry.sighting.host)).map(summary);
  const seen = new Set(rows.map((row) => row.host).filter((host) => answered.has(host)));
  // A few answers out of many are no clear network.
  const mark = rows.reduce<CheckState["mark"]>((all, row) => worst(all, row.mark), seen.size * 2 > hosts.length ? "none" : "unknown");
  return { running, asked: hosts.length, answered: answered.size, finished, mark, rows };
}
