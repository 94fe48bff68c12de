// Runs http-mitm-proxy under a root that it makes for itself: PORT FOLDER
const { Proxy } = require("http-mitm-proxy");

const [port, folder] = process.argv.slice(2);
const proxy = new Proxy();
// A client that only wanted the certificate is gone by now.
proxy.onError(() => {});
proxy.listen({ host: "0.0.0.0", port: Number(port), sslCaDir: folder, forceSNI: true });
