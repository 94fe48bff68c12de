import assert from "node:assert/strict";
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundled, root } from "./bundled.mjs";

const { deciding, inOrder, isAnchor, isAside, isOdd, spots, subject } = await bundled("pages/chain.ts");

const certificate = (name, issuer = name) => ({ sha256: name, subject: name, issuer, role: "subordinate" });
const host = (chain, anchors, paths) => ({ chain, anchors: anchors.map((sha256) => ({ sha256 })), paths });
const told = (all) => all.map(({ kind, index, above }) => [`${kind} ${index}`, ...told(above)]);

test("a path is a branch from the end-entity to its anchor", () => {
  const seen = host([certificate("leaf", "ca"), certificate("ca", "root")], ["root"], [{ certificates: [0, 1], anchor: 0 }]);
  assert.deepEqual(told(spots(seen)), [["certificate 0", ["certificate 1", ["anchor 0"]]]]);
});

test("an anchor that came among the certificates is shown as that certificate, once", () => {
  const seen = host([certificate("leaf", "root"), certificate("root")], ["root"], [{ certificates: [0], anchor: 0 }]);
  const all = spots(seen);
  assert.deepEqual(told(all), [["certificate 0", ["certificate 1"]]]);
  const [, root] = inOrder(all);
  assert.equal(isAnchor(seen, root), true);
  assert.equal(isAside(seen, root), false);
  assert.equal(isOdd(seen, [{ place: { anchor: 0 } }], root), true);
});

test("paths share their beginning, and what is on none stands beside them", () => {
  const chain = [certificate("leaf", "a"), certificate("a", "r"), certificate("b", "s"), certificate("junk")];
  const seen = host(chain, ["r", "s"], [{ certificates: [0, 1], anchor: 0 }, { certificates: [0, 2], anchor: 1 }]);
  const all = spots(seen);
  assert.deepEqual(told(all), [["certificate 0", ["certificate 1", ["anchor 0"]], ["certificate 2", ["anchor 1"]]], ["certificate 3"]]);
  assert.deepEqual(inOrder(all).filter((spot) => isAside(seen, spot)).map((spot) => spot.index), [3]);
});

test("an issuer that was not shown is named, and may be the odd one", () => {
  const seen = host([certificate("leaf", "somebody")], [], [{ certificates: [0], anchor: null }]);
  const [leaf, unseen] = inOrder(spots(seen));
  assert.equal(unseen.kind, "unseen");
  const findings = [{ place: { "issuer-of": 0 } }];
  assert.equal(isOdd(seen, findings, unseen), true);
  assert.equal(isOdd(seen, findings, leaf), false);
});

test("a report of a thousand paths is drawn in bounds", () => {
  const chain = Array.from({ length: 1000 }, (_, index) => certificate(`c${index}`, "x"));
  const seen = host(chain, [], chain.map((_, index) => ({ certificates: [0, index], anchor: null })));
  assert.ok(inOrder(spots(seen)).length <= 1000 + 2 * 12);
});

test("of each detector that decided, the weightiest finding about this host is told", () => {
  const finding = (detector, weight, observation = 0) => ({ detector, weight, observation });
  const report = {
    verdict: { cause: "x" },
    hosts: [{ verdict: { cause: "y", decided_by: [] } }, { verdict: { cause: "x", decided_by: ["b", "a"] } }],
    findings: [finding("a", "note", 1), finding("a", "proven", 1), finding("b", "strong", 1), finding("b", "proven", 0), finding("c", "proven", 1)],
  };
  assert.equal(subject(report), 1);
  assert.deepEqual(deciding(report, 1), [finding("b", "strong", 1), finding("a", "proven", 1)]);
});

test("every certificate of every replay is in its tree exactly where paths have it", () => {
  let hosts = 0;
  for (const kind of ["incidents", "benign"]) {
    for (const name of readdirSync(join(root, "../tests", kind))) {
      const file = join(root, "../tests", kind, name, "report.json");
      if (!existsSync(file)) continue;
      const report = JSON.parse(readFileSync(file, "utf8"));
      for (const seen of report.hosts) {
        const all = inOrder(spots(seen));
        const shown = new Set(all.filter((spot) => spot.kind === "certificate").map((spot) => spot.index));
        assert.equal(shown.size, seen.chain.length, `${name} ${seen.host}`);
        hosts += 1;
      }
      report.hosts.forEach((_, index) => {
        const wanted = report.hosts[index].verdict.decided_by;
        assert.deepEqual(deciding(report, index).map((finding) => finding.detector), wanted, `${name} ${index}`);
      });
    }
  }
  assert.ok(hosts > 300);
});
