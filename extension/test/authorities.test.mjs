import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled } from "./bundled.mjs";

const { sorted } = await bundled("authorities/sorted.ts");
const row = (name, kind, siteCount, mark) => ({ name, kind, siteCount, mark });
const ROWS = [row("b10", "public", 9, "none"), row("b9", "local", 2, "none"), row("a", "unknown", 9, "none"), row("z", "public", 1, "alarm")];
const names = (...how) => sorted(ROWS, ...how, "en").map((one) => one.name);

test("marks come first, and among equals those that no root program knows", () => {
  assert.deepEqual(names("mark", true), ["z", "b9", "a", "b10"]);
});

test("each column sorts both ways", () => {
  assert.deepEqual(names("name", false), ["a", "b9", "b10", "z"]);
  assert.deepEqual(names("name", true), ["z", "b10", "b9", "a"]);
  assert.deepEqual(names("siteCount", true), ["a", "b10", "b9", "z"]);
  assert.deepEqual(names("siteCount", false), ["z", "b9", "a", "b10"]);
  assert.deepEqual(names("kind", true), ["b9", "a", "b10", "z"]);
});
