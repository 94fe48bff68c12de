import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./bundled.mjs";

const PAGES = ["authorities", "options", "popup", "viewer", "welcome"];
const MARKS = ["none", "info", "unknown", "warning", "alarm"];

function sources(of) {
  return readdirSync(of).flatMap((name) => {
    const path = join(of, name);
    return statSync(path).isDirectory() ? sources(path) : [path];
  });
}

test("no page makes markup out of text", () => {
  for (const file of ["pages", ...PAGES].flatMap((name) => sources(join(root, "src", name)))) {
    const text = readFileSync(file, "utf8");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function/, file);
    if (file.endsWith(".html")) assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/, file);
  }
});

test("a page leans on neither the browsers' rooms nor the judge", () => {
  for (const file of ["pages", ...PAGES].flatMap((name) => sources(join(root, "src", name)))) {
    assert.doesNotMatch(readFileSync(file, "utf8"), /from "\.\.\/(browsers|background|validator|verdicts)|mintwatch\.js/, file);
  }
});

test("every mark has a shape, a word in its own colour, and icons in the sizes that are asked for", () => {
  const css = readFileSync(join(root, "src/look.css"), "utf8");
  const english = JSON.parse(readFileSync(join(root, "_locales/en/messages.json"), "utf8"));
  assert.equal(new Set(MARKS.map((mark) => english[`mark_${mark}`].message)).size, MARKS.length);
  assert.equal(new Set(MARKS.map((mark) => readFileSync(join(root, `icons/src/mark-${mark}.svg`), "utf8"))).size, MARKS.length);
  for (const mark of MARKS) {
    assert.match(css, new RegExp(`\\.word\\.${mark} \\{`));
    for (const size of [16, 32]) assert.deepEqual(pixels(`icons/mark-${mark}-${size}.png`), [size, size]);
  }
  for (const size of [16, 32, 48, 128]) assert.deepEqual(pixels(`icons/icon-${size}.png`), [size, size]);
});

/** Width and height of a PNG (RFC 2083 §4.1.1). */
function pixels(file) {
  const bytes = readFileSync(join(root, file));
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

test("every permission has its paragraph", () => {
  const told = readFileSync(join(root, "PERMISSIONS.md"), "utf8");
  for (const file of readdirSync(join(root, "manifest")).filter((name) => /^(base|chromium|firefox|managed)\.json$/.test(name))) {
    const manifest = JSON.parse(readFileSync(join(root, "manifest", file), "utf8"));
    for (const kind of ["permissions", "optional_permissions", "host_permissions", "optional_host_permissions"]) {
      for (const permission of manifest[kind] ?? []) assert.ok(told.includes(`\`${permission}\``), `${permission} of ${file}`);
    }
  }
});

test("an organisation can set what the settings have, and lock it", () => {
  const schema = JSON.parse(readFileSync(join(root, "manifest/managed-schema.json"), "utf8"));
  assert.deepEqual(Object.keys(schema.properties), ["declared", "networkCheck", "helper", "consent", "lock"]);
  assert.deepEqual(schema.properties.lock.items.enum, ["declared", "networkCheck", "helper"]);
  assert.deepEqual(Object.keys(schema.properties.declared.items.properties), ["spkiSha256", "label", "expires"]);
});
