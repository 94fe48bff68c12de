// Draws icons/*.png from icons/src/*.svg: node icons.mjs [CHROMIUM]. Pages show the SVG files themselves.
import puppeteer from "puppeteer-core";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "icons");
const SIZES = { icon: [16, 32, 48, 128], "mark-none": [16, 32], "mark-info": [16, 32], "mark-unknown": [16, 32], "mark-warning": [16, 32], "mark-alarm": [16, 32] };

const browser = await puppeteer.launch({ executablePath: process.argv[2] ?? "/usr/bin/chromium", headless: true, args: ["--no-sandbox"] });
const page = await browser.newPage();
for (const [name, sizes] of Object.entries(SIZES)) {
  const svg = readFileSync(join(here, `src/${name}.svg`)).toString("base64");
  for (const size of sizes) {
    await page.setViewport({ width: size, height: size });
    await page.setContent(`<body style="margin:0"><img style="display:block" width="${size}" height="${size}" src="data:image/svg+xml;base64,${svg}">`);
    writeFileSync(join(here, `${name}-${size}.png`), await page.screenshot({ omitBackground: true }));
  }
}
await browser.close();
