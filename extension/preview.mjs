// Shows the pages without a browser's extension API: node preview.mjs, then open the address. Reports are those of tests/.
import { build } from "esbuild";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const json = (file) => JSON.parse(readFileSync(join(here, file), "utf8"));
const NOW = Date.UTC(2026, 10, 24, 12);

/** One handshake of a replay as a tab would have it. */
function whole(replay, index, mark, more = {}) {
  const report = json(`../tests/${replay}/report.json`);
  const host = report.hosts[index];
  const findings = report.findings.filter((finding) => finding.observation === index).map((finding) => ({ ...finding, observation: 0, with: [] }));
  const one = { ...report, verdict: host.verdict, hosts: [{ ...host, ...more.host }], findings };
  return {
    key: `${replay}#${index}`,
    host: host.host,
    port: host.port,
    mark,
    source: "browser",
    cause: host.verdict.cause,
    requests: 7,
    firstSeen: host.at,
    report: one,
    note: null,
    declared: null,
    failure: null,
    ...more.whole,
  };
}

function details(replay, index) {
  const { chain } = json(`../tests/${replay}/evidence.json`).observations[index];
  return (chain.yes?.certificates ?? []).map((der) => {
    const bytes = Buffer.from(der, "base64");
    const x509 = new X509Certificate(bytes);
    const spki = x509.publicKey.export({ type: "spki", format: "der" });
    return {
      der,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      spkiSha256: createHash("sha256").update(spki).digest("hex"),
      subject: x509.subject?.split("\n").join(", ") ?? "",
      issuer: x509.issuer.split("\n").join(", "),
      serial: x509.serialNumber.toLowerCase(),
      notBefore: Date.parse(x509.validFrom) / 1000,
      notAfter: Date.parse(x509.validTo) / 1000,
      key: x509.publicKey.asymmetricKeyType,
      signature: "ecdsa-with-SHA256",
      isCa: x509.ca,
      pathLength: null,
      purposes: ["serverAuth"],
      names: Array.from({ length: 12 }, (_, at) => `name-${at}.example`),
      namesLeftOut: 3,
      permits: null,
      hasSctList: true,
      subjectKeyId: "0a0b",
      authorityKeyId: null,
    };
  });
}

const POPULAR = "benign/popular-sites";
const clear = whole(POPULAR, 0, "none", { host: { form: "built" } });
const alarm = whole("incidents/2015-cnnic-mcs", 1, "alarm", { host: { form: "built" } });
const local = whole("incidents/2014-superfish-komodia", 8, "warning", { host: { form: "built" } });
const LONG = "a-label-that-does-not-end.".repeat(9).slice(0, 240);
const HOSTILE = `CN=\u202emoc.live\u0000<img src=x onerror=alert(1)>\u2066${"W".repeat(200)}, O=\u0645\u0631\u062d\u0628\u0627`;
const hostile = whole(POPULAR, 1, "unknown", { whole: { host: LONG, note: `net::\u202eERR <b>x</b>` } });
Object.assign(hostile.report.hosts[0], { anchors: hostile.report.hosts[0].anchors.map((anchor) => ({ ...anchor, name: HOSTILE })) });
hostile.report.hosts[0].chain.forEach((certificate) => Object.assign(certificate, { subject: HOSTILE, issuer: HOSTILE }));

const summary = ({ report: _, note: __, declared: ___, failure: ____, ...rest }) => rest;
const tab = (main, more = {}) => ({
  tabId: 1,
  host: main?.host ?? null,
  mark: main?.mark ?? "unknown",
  main,
  others: [alarm, local, { ...clear, host: LONG, key: "long" }, clear].map(summary),
  dropped: 3,
  sight: "chain",
  helper: "off",
  isPrivate: false,
  portal: false,
  judged: 12,
  missed: 0,
  ...more,
});
const settings = {
  declared: [
    { spkiSha256: "ab".repeat(32), label: "Contoso Web Filter", expires: NOW + 3e10, managed: true },
    { spkiSha256: "cd".repeat(32), label: `${HOSTILE.slice(0, 60)}`, expires: NOW - 3e10, managed: false },
  ],
  networkCheck: true,
  helper: false,
  consent: true,
  locked: [],
};
const table = (name, kind, siteCount, mark, digit) => ({ spkiSha256: digit.repeat(64), name, kind, siteCount, mark, sites: ["example.org", "example.net"].slice(0, siteCount) });

/** What the background answers, unless a state says otherwise. */
const USUAL = {
  tab: tab(clear),
  settings,
  save: { settings, trouble: null },
  helperState: "not-installed",
  check: { running: false, asked: 20, answered: 19, finished: NOW, mark: "none", rows: [clear, local].map(summary) },
  explain: {
    id: "local-anchor",
    summary: "the only paths end at an anchor that is in no public root program",
    shows: "A name of the public web is vouched for by an anchor that was added to this machine.",
    cannotTell: "Who added it and why: an employer's filter and a thief look alike on the wire.",
    sources: ["the root programs of Mozilla, Chrome, Apple, Microsoft and Android"],
  },
  export: { fileName: "akamai.com.evidence.json", text: `${JSON.stringify({ format: "mintwatch.evidence", version: 1, host: "akamai.com", hidden: "\u202e" }, null, 2)}\n`, removed: ["the address of the peer", "the time of day"] },
  authorities: [
    table("CN=DigiCert Global G3 TLS ECC SHA384 2020 CA1", "public", 41, "none", "1"),
    table(HOSTILE, "unknown", 2, "unknown", "2"),
    table("CN=Contoso Web Filter", "local", 17, "info", "3"),
    table("CN=Old Root", "retired", 1, "warning", "4"),
  ],
  findings: [{ key: "one", host: "www.google.com", cause: "local-interception", mark: "warning", at: NOW }],
  forget: null,
  about: { version: "0.1.0", browser: "firefox", lab: true, startUp: 31, seen: 1200, judged: 44, fromCache: 80, missed: 0, remade: 0, tables: clear.report.tables },
  view: { details: details(POPULAR, 0), report: clear.report, trouble: null },
  helperLook: { whole: null, trouble: "the helper sees no route to that host" },
};

/** Each page's states: what is answered otherwise. */
export const STATES = {
  popup: {
    clear: {},
    alarm: { tab: tab(alarm, { helper: "ready" }) },
    warning: { tab: tab(local, { helper: "not-installed", missed: 2 }) },
    declared: { tab: tab({ ...local, mark: "info", declared: "Contoso Web Filter" }) },
    "end-entity": { tab: tab(whole("benign/end-entity-only", 9, "none"), { sight: "end-entity" }) },
    "several-paths": { tab: tab(whole("benign/missing-intermediate", 8, "none", { host: { form: "built" } })) },
    helper: { tab: tab({ ...alarm, source: "helper" }) },
    hostile: { tab: tab(hostile) },
    "judge-failed": { tab: tab({ ...clear, report: null, mark: "unknown", cause: "judge-failed", failure: "unreachable executed" }) },
    overridden: { tab: tab({ ...whole("benign/badssl", 0, "unknown"), note: "overridden-trust" }) },
    "nothing-yet": { tab: tab(null, { host: "example.org", others: [], dropped: 0, sight: "nothing-yet" }) },
    "nothing-to-see": { tab: tab(null, { others: [], dropped: 0 }) },
    "no-permission": { tab: tab(null, { host: "example.org", others: [], dropped: 0, sight: "no-permission" }) },
    "feature-off": { tab: tab(null, { host: "example.org", others: [], dropped: 0, sight: "feature-off", helper: "no-permission" }) },
    "no-consent": { settings: { ...settings, consent: false } },
    private: { tab: tab(clear, { isPrivate: true, portal: true }) },
    "check-off": { settings: { ...settings, networkCheck: false } },
  },
  options: { usual: {}, locked: { settings: { ...settings, locked: ["declared", "networkCheck", "helper"] } }, empty: { settings: { ...settings, declared: [], consent: false }, findings: [] } },
  welcome: { first: { settings: { ...settings, consent: false } }, again: { settings: { ...settings, helper: true }, helperState: "ready" } },
  authorities: { usual: {}, empty: { authorities: [] } },
  viewer: { usual: {}, trouble: { view: { details: [], report: null, trouble: "no certificate in it that can be read" } } },
};

const BY_KEY = Object.fromEntries([clear, alarm, local, { ...clear, key: "long", host: LONG }].map((one) => [one.key, one]));

/** The extension API as far as pages use it; runs in the page. */
function api(answers, whole, messages, rightToLeft) {
  const answer = (ask) => (ask.kind === "whole" ? whole[ask.key] ?? null : ask.kind === "details" ? answers.details[ask.key] ?? [] : answers[ask.kind]);
  globalThis.asked = [];
  globalThis.chrome = {
    runtime: {
      sendMessage: async (ask) => {
        globalThis.asked.push(ask);
        return answer(ask) === undefined ? { no: `no answer to ${ask.kind}` } : { yes: answer(ask) };
      },
      getURL: (file) => file,
    },
    i18n: {
      getMessage: (key, parts = []) => {
        if (key === "@@bidi_dir") return rightToLeft ? "rtl" : "ltr";
        return (messages[key]?.message ?? "").replace(/\$(\d)/g, (_, at) => [parts].flat()[at - 1] ?? "");
      },
      getUILanguage: () => "en",
    },
    tabs: { query: async () => [{ id: 1 }], create: async () => ({}) },
    permissions: { getAll: async () => ({ permissions: [], origins: [], data_collection: [] }), request: async () => true, remove: async () => true },
  };
}

function mock(page, state, locale) {
  const answers = { ...USUAL, ...STATES[page]?.[state], details: {} };
  for (const key of [...Object.keys(BY_KEY), answers.tab.main?.key ?? ""]) {
    const [replay, index] = key.split("#");
    if (index !== undefined) answers.details[key] = details(replay, Number(index));
  }
  const messages = json(`_locales/${locale}/messages.json`);
  return `(${api})(${[answers, BY_KEY, messages, locale === "ar"].map((one) => JSON.stringify(one)).join(",")});`;
}

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png" };

/** Serves the pages on loopback: `/popup.html?state=alarm&locale=de`. */
export async function serve(port = 0) {
  const built = mkdtempSync(join(tmpdir(), "mintwatch-pages-"));
  const pages = Object.keys(STATES);
  await build({ entryPoints: pages.map((name) => ({ in: join(here, `src/${name}/${name}.ts`), out: name })), outdir: built, bundle: true, format: "esm", charset: "utf8", logLevel: "warning" });
  const policy = json("manifest/base.json").content_security_policy.extension_pages;
  const file = (path) => {
    const name = basename(path);
    if (/^\/icons\/src\/[a-z-]+\.svg$/.test(path)) return join(here, path);
    const page = basename(path, extname(path));
    if (pages.includes(page)) return path.endsWith(".js") ? join(built, name) : join(here, "src", page, name);
    return path === "/look.css" ? join(here, "src/look.css") : null;
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const [state, locale] = [searchParams.get("state") ?? Object.keys(STATES[basename(pathname, ".html")] ?? { usual: 0 })[0], searchParams.get("locale") ?? "en"];
    const isKnown = readdirSync(join(here, "_locales")).includes(locale);
    const path = file(pathname);
    try {
      let body = pathname === "/mock.js" && isKnown ? mock(searchParams.get("page"), state, locale) : path === null ? null : readFileSync(path);
      if (body === null) throw new Error("not found");
      if (pathname.endsWith(".html")) {
        const script = `<script src="/mock.js?page=${basename(pathname, ".html")}&amp;state=${encodeURIComponent(state)}&amp;locale=${encodeURIComponent(locale)}"></script>`;
        body = body.toString().replace("<script", `${script}<script`);
      }
      response.writeHead(200, { "content-type": `${TYPES[extname(pathname)]}; charset=utf-8`, "content-security-policy": policy });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  const close = () => {
    server.close();
    rmSync(built, { recursive: true, force: true });
  };
  return { address: `http://127.0.0.1:${server.address().port}`, close };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { address } = await serve(8642);
  for (const [page, states] of Object.entries(STATES)) for (const state of Object.keys(states)) console.log(`${address}/${page}.html?state=${state}&locale=en`);
}
