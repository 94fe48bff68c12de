// The origins of the lab: every host at one port by its name in the ClientHello, over HTTP/1.1 and WebSocket; a portal beside it.
// usage: node server.mjs SITES.json; tells its ports in one line of JSON, and ends when its standard input does.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createSecureContext } from "node:tls";
import { WebSocketServer } from "ws";

const sites = new Map(JSON.parse(readFileSync(process.argv[2], "utf8")).map((site) => [site.host, site]));
const contexts = new Map();

function contextOf(host) {
  const site = sites.get(host);
  if (site !== undefined && !contexts.has(host)) contexts.set(host, createSecureContext({ cert: site.chain, key: site.key }));
  return contexts.get(host);
}

/** Requests by what the path begins with; handshakes by the name in the ClientHello. */
const requests = new Map();
const handshakes = new Map();
const count = (all, name) => all.set(name, (all.get(name) ?? 0) + 1);

const first = sites.values().next().value;
const server = https.createServer({
  cert: first.chain,
  key: first.key,
  keepAliveTimeout: 60_000,
  SNICallback: (name, done) => {
    const context = contextOf(name);
    done(context === undefined ? new Error(`nobody is called ${name}`) : null, context);
  },
});
server.on("secureConnection", (socket) => count(handshakes, `${socket.servername} ${socket.isSessionReused() ? "resumed" : "full"}`));
server.on("tlsClientError", () => undefined);
server.on("clientError", (_, socket) => socket.destroy());
server.on("request", (request, response) => {
  request.resume();
  // Each test begins its paths with a word of its own.
  count(requests, new URL(request.url, "https://lab").pathname.split("/")[1]);
  void answer(request, response);
});

const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket, request) => {
  count(requests, new URL(request.url, "https://lab").pathname.split("/")[1]);
  socket.on("message", (text) => socket.send(`heard ${text}`));
  socket.on("error", () => socket.terminate());
});

const PAGES = {
  plain: () => "<h1>An origin of the TEST lab</h1>",
  // Other hosts at the same port: behind a box they are behind the same box.
  parts: (port) => `<h1>parts</h1><img src="https://static.swiftedge.example:${port}/part/image.png">
    <script src="https://packages.codeharvest.example:${port}/part/code.js"></script>
    <iframe src="https://live.daily-courier.example:${port}/part/plain"></iframe>
    <script>
      const socket = new WebSocket("wss://www.chatterbox.example:${port}/part/socket");
      const heard = new Promise((done, failed) => { socket.onmessage = (event) => done(event.data); socket.onerror = failed; });
      socket.onopen = () => socket.send("hello");
      globalThis.all = Promise.all([heard, fetch("https://www.openlexicon.example:${port}/part/data.json").then((answer) => answer.text())]);
    </script>`,
};

async function answer(request, response) {
  const { pathname } = new URL(request.url, "https://lab");
  const what = pathname.split("/").at(-1);
  const headers = { "access-control-allow-origin": "*", "cache-control": "no-store" };
  const port = request.headers.host?.split(":")[1] ?? 443;
  if (what in PAGES) {
    // No icon: it would be one more request, at a moment nobody knows.
    const page = `<!doctype html><meta charset="utf-8"><title>lab</title><link rel="icon" href="data:,"><body>${PAGES[what](port)}`;
    response.writeHead(200, { ...headers, "content-type": "text/html" }).end(page);
  } else if (what === "redirect") {
    response.writeHead(302, { ...headers, location: `https://www.northbank.example:${port}/redirected/plain` }).end();
  } else if (what === "cached") {
    response.writeHead(200, { ...headers, "cache-control": "max-age=600", "content-type": "text/plain" }).end("keep me");
  } else if (what === "slow") {
    setTimeout(() => response.writeHead(200, { ...headers, "content-type": "text/plain" }).end("late"), 1_500);
  } else if (what === "close") {
    response.writeHead(200, { ...headers, connection: "close" }).end("no more");
  } else if (what.endsWith(".png")) {
    response.writeHead(200, { ...headers, "content-type": "image/png" }).end(Buffer.from(DOT, "base64"));
  } else if (what.endsWith(".js")) {
    response.writeHead(200, { ...headers, "content-type": "text/javascript" }).end("globalThis.ran = true;");
  } else {
    response.writeHead(200, { ...headers, "content-type": "application/json" }).end("{}");
  }
}

const DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

// The portal answers whatever is asked with its own page; the log is asked at a path of its own.
const portal = http.createServer((request, response) => {
  request.resume();
  if (request.url === "/log") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ requests: Object.fromEntries(requests), handshakes: Object.fromEntries(handshakes) }));
  } else if (request.url === "/open") {
    // What Firefox wants to read where there is no portal.
    const open = '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>';
    response.writeHead(200, { "content-type": "text/html" }).end(open);
  } else {
    response.writeHead(200, { "content-type": "text/html" }).end("<title>portal</title><h1>Pay for this network</h1>");
  }
});

const listening = (one) => new Promise((done) => one.listen(0, "127.0.0.1", () => done(one.address().port)));
console.log(JSON.stringify({ https: await listening(server), http: await listening(portal) }));
process.stdin.resume().on("end", () => process.exit(0));
