// Starts Firefox and Chromium with the extension for laboratories, and asks it as its own pages do.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const folder = process.env.MINTWATCH_WORLD;
if (folder === undefined) throw new Error("run by `cargo test --test browsers`, which makes the world and names it in MINTWATCH_WORLD");
/** Where everything is; made by tests/browsers.rs. */
export const world = { folder, ...JSON.parse(readFileSync(join(folder, "world.json"), "utf8")) };
/** The roots that browsers trust unless a test says otherwise: the lab's public ones. */
const PUBLIC = world.publicRoots;
export const FILTER = [...PUBLIC, world.privateRoot];

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks again until the answer is as wanted; tells the last answer where it never is. */
export async function until(what, ask, ms = 30_000) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    last = await Promise.resolve(ask()).catch((error) => error);
    if (last !== undefined && last !== null && last !== false && !(last instanceof Error)) return last;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms; last: ${last instanceof Error ? last.stack : JSON.stringify(last)}`);
    await sleep(100);
  }
}

/** Gives up on what may never end: a navigation to a host that is refused, or to a page of an extension in Firefox. */
export function atMost(ms, promise) {
  return Promise.race([promise.catch((error) => error), sleep(ms)]);
}

export async function log() {
  return (await fetch(`http://127.0.0.1:${world.http}/log`)).json();
}

const UUID = "6d1e7a0c-52f3-4a0b-9d57-0c1f6b6f4a11";
const FIREFOX_ID = "mintwatch@mintwatch.dev";

function profile() {
  const home = mkdtempSync(join(tmpdir(), "mintwatch-browser-"));
  mkdirSync(join(home, "profile"));
  return { home, profile: join(home, "profile") };
}

function trust(database, roots) {
  mkdirSync(database, { recursive: true });
  const certutil = (...words) => execFileSync("certutil", [...words, "-d", `sql:${database}`], { stdio: "pipe" });
  certutil("-N", "--empty-password");
  roots.forEach((root, index) => certutil("-A", "-n", `lab ${index}`, "-t", "C,,", "-i", root));
}

/** The folder of the extension, or of a copy with another manifest. */
function folderOf(extension, change, home) {
  const folder = join(world.extension, extension);
  if (change === null) return folder;
  const copy = join(home, "extension");
  cpSync(folder, copy, { recursive: true });
  const file = join(copy, "manifest.json");
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")))));
  return copy;
}

const QUIET_FIREFOX = {
  "network.dns.forceResolve": "127.0.0.1",
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.http.http3.enable": false,
  "browser.newtabpage.enabled": false,
  "browser.startup.page": 0,
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "extensions.update.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "services.settings.server": "data:,none",
  "security.OCSP.enabled": 0,
};

/** @returns {Promise<Session>} */
export async function firefox({ roots = PUBLIC, prefs = {}, proxy = null, insecure = false, extension = "firefox", manifest = null } = {}) {
  const { home, profile: at } = profile();
  trust(at, roots);
  const proxied = proxy === null ? { "network.proxy.type": 0 } : {
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": proxy,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": proxy, "network.proxy.allow_hijacking_localhost": true,
    "network.dns.forceResolve": "",
  };
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.MINTWATCH_FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    userDataDir: at,
    acceptInsecureCerts: insecure,
    timeout: 60_000,
    protocolTimeout: 180_000,
    args: ["--remote-allow-system-access"],
    env: { ...process.env, HOME: home, MOZ_CRASHREPORTER_DISABLE: "1" },
    extraPrefsFirefox: {
      ...QUIET_FIREFOX,
      "extensions.webextensions.uuids": JSON.stringify({ [FIREFOX_ID]: UUID }),
      ...proxied,
      ...prefs,
    },
  });
  const session = new Session("firefox", browser, home, `moz-extension://${UUID}/`);
  if (extension === null) return session;
  return session.orClosed(async () => {
    await browser.installExtension(folderOf(extension, manifest, home));
    await session.settle();
  });
}

/** @returns {Promise<Session>} */
export async function chromium({ roots = PUBLIC, feature = true, proxy = null, insecure = false, extension = "chromium", manifest = null } = {}) {
  const { home, profile: at } = profile();
  trust(join(home, ".pki/nssdb"), roots);
  const network = proxy === null ? ["--host-resolver-rules=MAP * 127.0.0.1"] : [`--proxy-server=http://127.0.0.1:${proxy}`, "--proxy-bypass-list=<-loopback>"];
  const browser = await puppeteer.launch({
    executablePath: process.env.MINTWATCH_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    pipe: true,
    userDataDir: at,
    timeout: 60_000,
    protocolTimeout: 180_000,
    ...(extension === null ? {} : { enableExtensions: [folderOf(extension, manifest, home)] }),
    env: { ...process.env, HOME: home },
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--disable-domain-reliability", "--disable-default-apps", "--disable-dev-shm-usage",
      ...network,
      ...(feature ? ["--enable-features=WebRequestSecurityInfo"] : []),
      ...(insecure ? ["--ignore-certificate-errors"] : []),
    ],
  });
  const session = new Session("chromium", browser, home, "");
  if (extension === null) return session;
  return session.orClosed(async () => {
    const isWorker = (target) => target.type() === "service_worker" && target.url().endsWith("/background.js");
    const worker = await browser.waitForTarget(isWorker, { timeout: 30_000 });
    session.base = worker.url().replace("background.js", "");
    await session.settle();
  });
}

/** One browser with the extension. */
class Session {
  constructor(name, browser, home, base) {
    Object.assign(this, { name, browser, home, base, profile: join(home, "profile"), control: null });
  }

  /** Runs the beginning; a browser that nobody gets to hold would keep the tests from ending. */
  async orClosed(run) {
    try {
      await run();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Hands the lab's tables over and agrees, as a person does on the first page. */
  async settle() {
    this.control = await this.extensionPage("viewer.html");
    const overlay = readFileSync(join(world.folder, "overlay.json"), "utf8");
    await this.evaluate((labOverlay) => (globalThis.browser ?? chrome).storage.local.set({ labOverlay }), overlay);
    const settings = await this.ask("settings");
    const { trouble } = await this.ask("save", { settings: { ...settings, consent: true, networkCheck: false } });
    if (trouble !== null) throw new Error(trouble);
  }

  /** Opens a page of the extension in a tab of its own. */
  async extensionPage(file) {
    const page = await this.browser.newPage();
    page.setDefaultTimeout(20_000);
    // Firefox never says that such a page has loaded.
    await atMost(this.name === "firefox" ? 1_500 : 15_000, page.goto(`${this.base}${file}`));
    // Before it comes, the tab shows an empty page, which is complete as well.
    await until(`${file} is there`, () => page.evaluate((base) => location.href.startsWith(base) && document.readyState === "complete", this.base));
    return page;
  }

  evaluate(run, ...words) {
    return this.control.evaluate(run, ...words);
  }

  /** Asks the background as a page of the extension does (extension/src/ask.ts). */
  async ask(kind, what = {}) {
    const answer = await this.evaluate((message) => (globalThis.browser ?? chrome).runtime.sendMessage(message), { kind, ...what });
    if (answer === undefined || answer === null) throw new Error(`${kind}: no answer`);
    if ("no" in answer) throw new Error(`${kind}: ${answer.no}`);
    return answer.yes;
  }

  async page() {
    const page = await this.browser.newPage();
    page.setDefaultTimeout(20_000);
    return page;
  }

  /** Opens a page of the web; refusals and slow ones are for the test to see. */
  async open(url, ms = 15_000) {
    const page = await this.page();
    await this.go(page, url, ms);
    return page;
  }

  go(page, url, ms = 15_000) {
    return atMost(ms, page.goto(url, { waitUntil: "load", timeout: ms }));
  }

  /** The number of the tab that shows, or was to show, a URL. */
  async tabId(url) {
    const ids = await this.evaluate(async (url) => {
      const tabs = await (globalThis.browser ?? chrome).tabs.query({});
      return tabs.filter((tab) => tab.url === url || tab.pendingUrl === url).map((tab) => tab.id);
    }, url);
    return ids.at(-1);
  }

  /** What the popup would show of the tab with this URL, once that is as wanted. */
  tab(url, wanted = ({ main }) => main !== null && (main.report !== null || main.failure !== null)) {
    let last = null;
    return until(`the tab of ${url}`, async () => {
      const tabId = await this.tabId(url);
      if (tabId === undefined) return null;
      last = await this.ask("tab", { tabId });
      if (!wanted(last)) throw new Error(JSON.stringify({ ...last, main: last.main && { ...last.main, report: null } }));
      return last;
    });
  }

  badge(tabId) {
    return this.evaluate(async (tabId) => {
      const { action } = globalThis.browser ?? chrome;
      return { text: await action.getBadgeText({ tabId }), title: await action.getTitle({ tabId }) };
    }, tabId);
  }

  async close() {
    await atMost(10_000, this.browser.close());
    const child = this.browser.process();
    if (child !== null && child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** Both browsers, as a test with variants wants them. */
export const BROWSERS = [["Firefox", firefox], ["Chromium", chromium]];

export const url = (host, path, port = world.origin) => `https://${host}:${port}/${path}`;

/** Starts mitmproxy before the lab's origins; its root is at `root`. */
export async function mitmproxy() {
  const home = mkdtempSync(join(tmpdir(), "mintwatch-mitmproxy-"));
  const all = join(home, "public.pem");
  writeFileSync(all, PUBLIC.map((root) => readFileSync(root, "utf8")).join(""));
  const script = join(home, "lab.py");
  writeFileSync(script, "def server_connect(data):\n    data.server.address = ('127.0.0.1', data.server.address[1])\n");
  const port = await freePort();
  const child = spawn(world.mitmdump, [
    "-q", "--listen-host", "127.0.0.1", "-p", `${port}`, "--set", `confdir=${home}`, "--set", `ssl_verify_upstream_trusted_ca=${all}`, "-s", script,
  ], { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, HOME: home } });
  await until("mitmproxy listens", () => listens(port), 60_000);
  const root = join(home, "mitmproxy-ca-cert.pem");
  return { port, root, stop: async () => {
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
    rmSync(home, { recursive: true, force: true });
  } };
}

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function listens(port) {
  return new Promise((done) => {
    const socket = net.connect(port, "127.0.0.1", () => done(true)).on("error", () => done(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** A proxy that writes down whom a browser wants, and lets it meet the lab's origins alone. */
export async function witness() {
  const asked = [];
  const server = http.createServer((request, response) => {
    request.resume();
    asked.push(new URL(request.url, "http://none").host);
    response.writeHead(502).end();
  });
  server.on("connect", (request, client) => {
    asked.push(request.url);
    client.on("error", () => undefined);
    const origin = net.connect(world.origin, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      origin.pipe(client).pipe(origin);
    });
    origin.on("error", () => client.destroy());
    client.on("close", () => origin.destroy());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { port: server.address().port, asked, stop: () => {
    server.closeAllConnections();
    server.close();
  } };
}
