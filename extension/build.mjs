// Builds one browser's folder: node build.mjs --browser firefox|chromium --module DIR --out DIR [--lab] [--managed]
// The module folder is what `cargo xtask wasm` writes; the version is the workspace's.
import { build } from "esbuild";
import { compileFromFile } from "json-schema-to-typescript";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: given } = parseArgs({
  options: {
    types: { type: "boolean", default: false },
    browser: { type: "string" },
    module: { type: "string" },
    out: { type: "string" },
    lab: { type: "boolean", default: false },
    managed: { type: "boolean", default: false },
  },
});

/** The documents' types, from the schemas that the judge publishes. */
async function writeTypes() {
  const folder = join(here, "src/generated");
  mkdirSync(folder, { recursive: true });
  for (const name of ["evidence", "report"]) {
    const schema = join(here, `../validator/schema/${name}.v1.schema.json`);
    const text = await compileFromFile(schema, { additionalProperties: false, bannerComment: "", style: { printWidth: 140 } });
    writeFileSync(join(folder, `${name}.ts`), `// Made by build.mjs from validator/schema/${name}.v1.schema.json.\n${text}`);
  }
}

/** Objects are merged, lists put behind each other, anything else replaced. */
function merged(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) return [...one, ...other];
  const both = typeof one === "object" && typeof other === "object" && one !== null && other !== null;
  if (!both) return other;
  const all = { ...one };
  for (const [name, value] of Object.entries(other)) all[name] = name in one ? merged(one[name], value) : value;
  return all;
}

const read = (file) => JSON.parse(readFileSync(join(here, file), "utf8"));

function manifest(browser, managed) {
  const version = /^version = "(\d+\.\d+\.\d+)"/m.exec(readFileSync(join(here, "../Cargo.toml"), "utf8"))[1];
  let whole = merged(read("manifest/base.json"), read(`manifest/${browser}.json`));
  if (managed) whole = merged(whole, read("manifest/managed.json"));
  if (browser === "chromium") whole.key = readFileSync(join(here, "chromium-key.txt"), "utf8").trim();
  return { ...whole, version };
}

const PAGES = ["popup", "options", "welcome", "authorities", "viewer"];

async function writeExtension({ browser, module, out, lab, managed }) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    entryPoints: ["background", ...PAGES].map((name) => ({
      in: join(here, name === "background" ? "src/background.ts" : `src/${name}/${name}.ts`),
      out: name,
    })),
    outdir: out,
    bundle: true,
    format: "esm",
    target: browser === "firefox" ? "firefox140" : "chrome144",
    charset: "utf8",
    legalComments: "none",
    external: ["./mintwatch.js"],
    define: { LAB: String(lab), BROWSER: JSON.stringify(browser), MANAGED: String(managed) },
    alias: { platform: join(here, `src/browsers/${browser}.ts`) },
    absWorkingDir: here,
    // The bundle names its files by where they lie; a linked folder of packages must not name another place.
    preserveSymlinks: true,
    logLevel: "warning",
  });
  for (const page of PAGES) {
    const folder = join(here, "src", page);
    for (const file of readdirSync(folder).filter((name) => /\.(html|css)$/.test(name))) cpSync(join(folder, file), join(out, file));
  }
  for (const folder of ["icons", "_locales"]) cpSync(join(here, folder), join(out, folder), { recursive: true });
  cpSync(join(here, "src/look.css"), join(out, "look.css"));
  for (const file of ["mintwatch.js", "mintwatch_bg.wasm", "mintwatch_issuer_keys.bin"]) cpSync(join(module, file), join(out, file));
  if (browser === "chromium") cpSync(join(here, "manifest/managed-schema.json"), join(out, "managed-schema.json"));
  const licences = ["LICENSE-APACHE", "LICENSE-MIT"].filter((file) => existsSync(join(here, "..", file)));
  for (const file of licences) cpSync(join(here, "..", file), join(out, file));
  writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest(browser, managed), null, 2)}\n`);
}

await writeTypes();
if (!given.types) await writeExtension(given);
