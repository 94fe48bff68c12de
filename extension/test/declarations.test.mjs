import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled } from "./bundled.mjs";

const { read, readDay, readDeclared, readSpki, write, MOST_BYTES, MOST_DECLARED } = await bundled("pages/declarations.ts");

const SPKI = "ab".repeat(32);
const file = (changes = {}) => JSON.stringify({ format: "mintwatch.settings", version: 1, networkCheck: false, declared: [], ...changes });
const entry = (changes = {}) => ({ spkiSha256: SPKI, label: "Filter", expires: "2027-01-31", ...changes });

test("a key is taken as people copy it, and nothing shorter or longer", () => {
  assert.equal(readSpki(SPKI.toUpperCase()), SPKI);
  assert.equal(readSpki(` ${SPKI.match(/../g).join(":")} `), SPKI);
  for (const text of ["", SPKI.slice(1), `${SPKI}0`, SPKI.replace("a", "g"), `0x${SPKI.slice(2)}`]) assert.equal(readSpki(text).wrong, "spki");
});

test("a day that no calendar has is refused", () => {
  assert.equal(readDay("2028-02-29"), Date.UTC(2028, 2, 1) - 1);
  for (const text of ["", "2027-02-29", "2027-02-31", "2027-13-01", "31.01.2027", "2027-1-1", "+002027-01-01"]) assert.equal(readDay(text).wrong, "day");
});

test("a declaration has a label", () => {
  assert.equal(readDeclared(SPKI, "  ", "2027-01-31").wrong, "label");
  assert.equal(readDeclared(SPKI, "x".repeat(101), "2027-01-31").wrong, "label");
  assert.equal(readDeclared(SPKI, " ä ", "2027-01-31").label, "ä");
});

test("what is written is read again, without what an organisation set", () => {
  const mine = { spkiSha256: SPKI, label: "Mine", expires: readDay("2027-01-31"), managed: false };
  const theirs = { ...mine, spkiSha256: "cd".repeat(32), managed: true };
  const text = write({ declared: [theirs, mine], networkCheck: true, helper: true, consent: true, locked: [] });
  assert.deepEqual(read(text), { declared: [mine], networkCheck: true });
  assert.doesNotMatch(text, /consent|helper/);
});

test("each fault of a file has its own word", () => {
  const wrong = [
    ["json", "{"],
    ["format", "[]"],
    ["format", "null"],
    ["format", '"text"'],
    ["format", file({ format: "mintwatch.report" })],
    ["version", file({ version: 2 })],
    ["unknown", file({ consent: true })],
    ["switch", file({ networkCheck: "yes" })],
    ["list", file({ declared: {} })],
    ["list", file({ declared: [null] })],
    ["list", file({ declared: [[]] })],
    ["many", file({ declared: Array.from({ length: MOST_DECLARED + 1 }, () => entry()) })],
    ["unknown", file({ declared: [entry({ managed: true })] })],
    ["spki", file({ declared: [entry({ spkiSha256: "ab" })] })],
    ["spki", file({ declared: [entry({ spkiSha256: 5 })] })],
    ["label", file({ declared: [entry({ label: null })] })],
    ["day", file({ declared: [entry({ expires: 1 })] })],
    ["large", file({ declared: [], pad: "x".repeat(MOST_BYTES) })],
  ];
  for (const [word, text] of wrong) assert.equal(read(text).wrong, word, text.slice(0, 80));
});

test("of two declarations of one key the later holds", () => {
  const { declared } = read(file({ declared: [entry({ label: "old" }), entry({ label: "new" })] }));
  assert.deepEqual(declared.map((one) => one.label), ["new"]);
});

test("no change of one letter makes reading throw", () => {
  const text = file({ declared: [entry()] });
  for (let at = 0; at < text.length; at += 1) for (const letter of ['"', "{", "0", "\u0000", ""]) read(text.slice(0, at) + letter + text.slice(at + 1));
});
