/** The native helper: `mintwatch native-host`, over one port that stays open while it is used. See docs/NATIVE_MESSAGING.md. */
import { api } from "./api";
import type { Evidence, HelperState, Report } from "./messages";
import { settings } from "./settings";

export const HOST_NAME = "dev.mintwatch.host";
/** The helper's own deadlines are shorter. */
const PATIENCE_MS = 30_000;
/** An idle port is closed, so that no process stays behind. */
const IDLE_MS = 60_000;

export type Looked = { evidence: Evidence; report: Report; trouble: null } | { evidence: null; report: null; trouble: string };

interface Answer {
  version: number;
  id: number | null;
  type: "hello" | "looked" | "cancelled" | "error";
  evidence?: Evidence;
  report?: Report;
  code?: string;
  message?: string;
}

let port: browser.runtime.Port | null = null;
let next = 1;
let last: HelperState = "off";
let idle: ReturnType<typeof setTimeout> | undefined;
const waiting = new Map<number, (answer: Answer) => void>();

/** Whether the helper can be asked, as far as is known without starting it. */
export async function helperState(): Promise<HelperState> {
  if (!(await settings()).helper) return "off";
  if (!(await api.permissions.contains({ permissions: ["nativeMessaging"] }))) return "no-permission";
  if (last === "off" || last === "no-permission") {
    const hello = await request({ type: "hello" });
    last = hello.type === "hello" ? "ready" : hello.code === "not-installed" ? "not-installed" : "failed";
  }
  return last;
}

/** Has the helper make one handshake with a host. The person agreed to it: `settings.helper`. */
export async function helperLook(host: string, portNumber: number): Promise<Looked> {
  const state = await helperState();
  if (state === "off" || state === "no-permission") return nothing(state);
  const answer = await request({ type: "look", host, port: portNumber, consent: "user-agreed" });
  if (answer.type === "looked" && answer.evidence !== undefined && answer.report !== undefined) {
    last = "ready";
    return { evidence: answer.evidence, report: answer.report, trouble: null };
  }
  if (answer.code === "not-installed") last = "not-installed";
  return nothing(answer.message ?? answer.code ?? "no answer");
}

/** Forgets how the helper was, after a setting or a permission changed. */
export function askAnew(): void {
  last = "off";
}

function nothing(trouble: string): Looked {
  return { evidence: null, report: null, trouble };
}

function request(what: object): Promise<Answer> {
  const id = next++;
  return new Promise((resolve) => {
    const timer = setTimeout(() => end({ version: 1, id, type: "error", code: "timed-out", message: "the helper did not answer" }), PATIENCE_MS);
    const end = (answer: Answer) => {
      clearTimeout(timer);
      waiting.delete(id);
      resolve(answer);
    };
    waiting.set(id, end);
    try {
      open().postMessage({ version: 1, id, ...what });
    } catch (error) {
      end({ version: 1, id, type: "error", code: "failed", message: String(error) });
    }
    clearTimeout(idle);
    idle = setTimeout(close, IDLE_MS);
  });
}

function open(): browser.runtime.Port {
  if (port !== null) return port;
  const opened = api.runtime.connectNative(HOST_NAME);
  port = opened;
  opened.onMessage.addListener((message) => {
    const answer = message as Answer;
    if (answer.version !== 1) return refuse("unknown-version", "extension and helper are of different age");
    if (answer.id === null) return refuse(answer.code ?? "failed", answer.message ?? "the helper could not read the request");
    waiting.get(answer.id)?.(answer);
  });
  opened.onDisconnect.addListener((closed) => {
    port = null;
    const said = (closed as { error?: { message: string } | null }).error?.message ?? chromeSaid() ?? "the helper has ended";
    // Firefox' and Chromium's words where there is no manifest of that name.
    const code = /No such native application|native messaging host not found|host is not registered/i.test(said) ? "not-installed" : "failed";
    refuse(code, said);
  });
  return opened;
}

function chromeSaid(): string | undefined {
  return (api.runtime as { lastError?: { message?: string } | null }).lastError?.message;
}

/** Answers everybody who waits. */
function refuse(code: string, message: string): void {
  for (const [id, end] of [...waiting]) end({ version: 1, id, type: "error", code, message });
}

function close(): void {
  port?.disconnect();
  port = null;
}
