// Judges each document of the folder it is given with the module it is given, and writes what comes out.
// usage: node parity.mjs MODULE.js FOLDER [without-keys]; NAME.json and maybe NAME.overlay.json become NAME.out
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [modulePath, folder, keys] = process.argv.slice(2);
const judge = createRequire(import.meta.url)(modulePath);
let refused = false;
try {
  judge.loadIssuerKeys(new Uint8Array([1, 2, 3]));
} catch (error) {
  refused = !(error instanceof WebAssembly.RuntimeError);
}
if (keys !== "without-keys") judge.loadIssuerKeys(readFileSync(join(dirname(modulePath), "mintwatch_issuer_keys.bin")));
const names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.endsWith(".overlay.json"));
for (const name of names) {
  const base = join(folder, name.slice(0, -".json".length));
  const evidence = readFileSync(`${base}.json`, "utf8");
  let out;
  try {
    out = existsSync(`${base}.overlay.json`)
      ? judge.judgeWithOverlay(evidence, readFileSync(`${base}.overlay.json`, "utf8"))
      : judge.judge(evidence);
  } catch (error) {
    // A trap is no answer: only what the judge itself says may come out as an error.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    out = `error: ${error.message}`;
  }
  writeFileSync(`${base}.out`, out);
}
console.log(JSON.stringify({ refused, version: judge.version(), exports: Object.keys(judge).sort(), judged: names.length }));
