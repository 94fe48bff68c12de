import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundled, root } from "./bundled.mjs";

const { pem, toBase64 } = await bundled("pages/files.ts");

test("the PEM of a certificate is one that others read", () => {
  const { observations } = JSON.parse(readFileSync(join(root, "../tests/benign/popular-sites/evidence.json"), "utf8"));
  for (const { chain } of observations.slice(0, 5)) {
    for (const der of chain.yes.certificates) {
      const text = pem(der);
      assert.equal(new X509Certificate(text).raw.toString("base64"), der);
      assert.ok(text.split("\n").every((line) => line.length <= 64));
    }
  }
});

test("a file of any length keeps its bytes", async () => {
  for (const length of [0, 1, 8191, 8192, 8193, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 7) % 256);
    assert.equal(await toBase64(new Blob([bytes])), Buffer.from(bytes).toString("base64"));
  }
});
