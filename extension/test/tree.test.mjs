import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled } from "./bundled.mjs";

const { step } = await bundled("pages/tree.ts");

/** 0 end-entity ─ 1 subordinate ─ 2 anchor, and 3 a subordinate of another path, and 4 one that is on no path. */
const items = (open = {}) =>
  [
    [1, -1, true],
    [2, 0, true],
    [3, 1, null],
    [2, 0, null],
    [1, -1, null],
  ].map(([level, parent, isOpen], index) => ({ level, parent, open: isOpen === null ? null : (open[index] ?? isOpen) }));

test("arrows go from place to place and stop at both ends", () => {
  assert.deepEqual(step(items(), 0, "ArrowDown", false), { to: 1 });
  assert.deepEqual(step(items(), 3, "ArrowUp", false), { to: 2 });
  assert.equal(step(items(), 0, "ArrowUp", false), null);
  assert.equal(step(items(), 4, "ArrowDown", false), null);
});

test("what is closed is stepped over", () => {
  assert.deepEqual(step(items({ 1: false }), 1, "ArrowDown", false), { to: 3 });
  assert.deepEqual(step(items({ 0: false }), 0, "ArrowDown", false), { to: 4 });
  assert.deepEqual(step(items({ 0: false }), 4, "ArrowUp", false), { to: 0 });
});

test("home and end go to the first and the last that is seen", () => {
  assert.deepEqual(step(items(), 3, "Home", false), { to: 0 });
  assert.deepEqual(step(items(), 1, "End", false), { to: 4 });
  assert.equal(step(items(), 4, "End", false), null);
});

test("the inward arrow opens, then goes in; the outward one closes, then goes out", () => {
  assert.deepEqual(step(items({ 1: false }), 1, "ArrowRight", false), { open: 1 });
  assert.deepEqual(step(items(), 1, "ArrowRight", false), { to: 2 });
  assert.equal(step(items(), 2, "ArrowRight", false), null);
  assert.deepEqual(step(items(), 1, "ArrowLeft", false), { close: 1 });
  assert.deepEqual(step(items({ 1: false }), 1, "ArrowLeft", false), { to: 0 });
  assert.deepEqual(step(items(), 2, "ArrowLeft", false), { to: 1 });
  assert.equal(step(items(), 4, "ArrowLeft", false), null);
});

test("in languages written from the right, inward is left", () => {
  assert.deepEqual(step(items(), 1, "ArrowLeft", true), { to: 2 });
  assert.deepEqual(step(items(), 1, "ArrowRight", true), { close: 1 });
});

test("enter and space pick, other keys do nothing", () => {
  assert.deepEqual(step(items(), 2, "Enter", false), { pick: 2 });
  assert.deepEqual(step(items(), 2, " ", false), { pick: 2 });
  assert.equal(step(items(), 2, "Tab", false), null);
  assert.equal(step(items(), 9, "Enter", false), null);
});
