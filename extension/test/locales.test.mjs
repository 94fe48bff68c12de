import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./bundled.mjs";

const folder = join(root, "_locales");
const locale = (name) => JSON.parse(readFileSync(join(folder, name, "messages.json"), "utf8"));
const english = locale("en");
const others = readdirSync(folder).filter((name) => name !== "en");
const places = (text) => [...text.matchAll(/\$\d/g)].map(([place]) => place).sort();

/** Every file below a folder, as one text. */
function texts(of) {
  return readdirSync(of)
    .filter((name) => name !== "generated")
    .map((name) => join(of, name))
    .map((path) => (statSync(path).isDirectory() ? texts(path) : readFileSync(path, "utf8")))
    .join("\n");
}

test("every locale has the same keys in the same order", () => {
  assert.deepEqual(others, ["ar", "de", "zh_CN"]);
  for (const name of others) assert.deepEqual(Object.keys(locale(name)), Object.keys(english), name);
});

test("every text has the same places, and no other sign of one", () => {
  for (const name of ["en", ...others]) {
    for (const [key, { message }] of Object.entries(locale(name))) {
      assert.deepEqual(places(message), places(english[key].message), `${name} ${key}`);
      assert.doesNotMatch(message, /\$(?!\d)|[\ue000-\uf8ff\u202a-\u202e\u2066-\u2069]/, `${name} ${key}`);
      assert.notEqual(message.trim(), "", `${name} ${key}`);
    }
  }
});

test("what is not a name is translated", () => {
  const same = new Set(["name", "popup_title", "milliseconds", "reason_from", "version", "lab", "mark_alarm", "evidence_bytes"]);
  for (const name of others) {
    for (const [key, { message }] of Object.entries(locale(name))) {
      if (!same.has(key) && !key.startsWith("program_")) assert.notEqual(message, english[key].message, `${name} ${key}`);
    }
  }
});

test("each text is used, and each that the HTML names is there", () => {
  const source = texts(join(root, "src"));
  for (const [, key] of source.matchAll(/data-i18n(?:-[a-z-]+)?="([^"]+)"/g)) assert.ok(key in english, key);
  // Of what is made by `keyed` the types see to it; here only that its beginning is asked for.
  const begun = [...source.matchAll(/keyed\("([a-z]+)"/g)].map(([, prefix]) => `${prefix}_`);
  for (const key of Object.keys(english)) {
    const isUsed = new RegExp(`["\`]${key}["\`]`).test(source) || begun.some((prefix) => key.startsWith(prefix));
    assert.ok(isUsed || ["name", "description", "profile_public", "profile_internal"].includes(key), `${key} is used nowhere`);
  }
});

test("a store takes the name and the description", () => {
  for (const name of ["en", ...others]) {
    assert.ok(locale(name).name.message.length <= 45);
    assert.ok(locale(name).description.message.length <= 132, name);
  }
});
