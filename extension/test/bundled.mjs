// A module of src/ as Node can run it.
import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Bundles one file of `src/` and imports it. */
export async function bundled(file) {
  const { outputFiles } = await build({ entryPoints: [join(root, "src", file)], bundle: true, format: "esm", write: false, logLevel: "warning" });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
