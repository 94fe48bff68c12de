import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled } from "./bundled.mjs";

const { inert } = await bundled("inert.ts");

test("letters that act or hide are shown as their numbers", () => {
  for (const letter of ["\u0000", "\n", "\u007f", "\u200b", "\u200f", "\u202e", "\u2066", "\ufeff", "\u2028", "\u3164", "\ufe0f", "\u{e0041}", "\u{e0100}", "\ud800"]) {
    const shown = inert(`a${letter}b`);
    assert.equal(shown, `a\\u{${letter.codePointAt(0).toString(16)}}b`);
  }
});

test("letters of every script stay as they are", () => {
  for (const text of ["Ünïcödé, O=例子", "مرحبا", "<b>&amp;", "👩", "C=US, CN=a.example"]) assert.equal(inert(text), text);
});

test("a text is cut at letters, never inside one, and says so", () => {
  assert.equal(inert("👩👩👩", 2), "👩👩…");
  assert.equal(inert("ab", 2), "ab");
});
