// Runs mockttp as a gateway that reads everything: PORT CERTIFICATE KEY ROOTS
const { readFileSync } = require("node:fs");
const { getLocal } = require("mockttp");

const [port, certificate, key, roots] = process.argv.slice(2);
const read = (file) => readFileSync(file, "utf8");

const gateway = getLocal({ http2: true, https: { cert: read(certificate), key: read(key) } });
gateway
  .start(Number(port))
  .then(() => gateway.forUnmatchedRequest().thenPassThrough({ additionalTrustedCAs: [{ cert: read(roots) }] }));
