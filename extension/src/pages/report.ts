/** Draws what is known of one host: the verdict, who vouched, why, the chain, and what was not seen. */
import { ask } from "../ask";
import type { CertificateDetails, HostReport, Mark, Report, Source, Summary } from "../messages";
import { anchorFacts, anchorKind, certificate } from "./certificate";
import { deciding, inOrder, isAnchor, isAside, isOdd, type Spot, spots, subject } from "./chain";
import { button, type Child, code, el, english, facts, foldable, hostile } from "./dom";
import { linkTo, markWord, shape } from "./page";
import { type Branch, tree } from "./tree";
import { day, keyed, moment, number, say, word } from "./words";

type Finding = Report["findings"][number];

/** What is drawn. */
export interface View {
  host: string;
  port: number;
  mark: Mark;
  /** Null: a file that somebody opened. */
  source: Source | null;
  cause: Summary["cause"];
  report: Report | null;
  note: string | null;
  declared: string | null;
  failure: string | null;
  /** The certificates in full; asked for when somebody looks at one. */
  details: () => Promise<CertificateDetails[]>;
}

/** Draws everything in the order in which people ask. */
export function drawReport(view: View): HTMLElement[] {
  const { report } = view;
  if (report === null) return [verdict(view, null)];
  const index = subject(report);
  const host = report.hosts[index];
  if (host === undefined) return [verdict(view, null)];
  const findings = deciding(report, index);
  return [
    verdict(view, host),
    ...vouched(view, host),
    ...why(findings),
    ...chain(view, host, findings),
    unseen(view, report, host),
  ];
}

function verdict(view: View, host: HostReport | null): HTMLElement {
  const { mark, cause } = view;
  return el(
    "section",
    { class: `verdict ${mark}`, "aria-labelledby": "verdict" },
    shape(mark, "large"),
    el(
      "div",
      {},
      el("h2", { id: "verdict" }, markWord(mark), " ", where(view)),
      el("p", { class: "sentence" }, view.declared === null ? word(keyed("cause", cause)) : say("cause_declared", view.declared)),
      host === null ? null : el("p", { class: "soft" }, word("judge_says"), " ", el("q", {}, english(host.verdict.because))),
      host === null ? null : weights(host),
      view.note === null ? null : el("p", {}, note(view.note)),
      host?.failure === undefined || host.failure === null ? null : el("p", {}, word(keyed("failure", host.failure))),
      view.failure === null ? null : el("p", { class: "soft" }, english(view.failure)),
    ),
  );
}

function where({ host, port }: View): Child {
  if (host === "") return null;
  return el("span", { class: "host" }, hostile(port === 443 ? host : `${host}:${port}`));
}

function weights({ verdict: { severity, confidence, cause } }: HostReport): Child {
  if (cause === "clear" || cause === "not-measured") return null;
  return el("p", { class: "soft" }, say("weights", word(keyed("severity", severity)), word(keyed("confidence", confidence))));
}

const OVERRIDDEN = ["trust", "name", "time", "unnamed"] as const;

/** The background's words for an error that somebody let pass, or for how a connection failed. */
function note(text: string): Child {
  const passed = OVERRIDDEN.find((one) => text === `overridden-${one}`);
  return passed === undefined ? say("note_other", text) : word(keyed("overridden", passed));
}

function vouched({ declared, source }: View, host: HostReport): HTMLElement[] {
  const told: HTMLElement[] = host.anchors.map((anchor) => {
    const isLocal = typeof anchor.kind === "object" && "local" in anchor.kind;
    const declare = isLocal && declared === null && source !== null ? linkTo("options", word("declare_this"), `#spki=${anchor.spki_sha256}`) : null;
    return el(
      "div",
      {},
      facts(
        [word("vouched_by"), hostile(anchor.name)],
        [word("anchor_kind"), anchorKind(anchor)],
        [word("declared_as"), declared === null ? null : hostile(declared)],
      ),
      declare,
    );
  });
  const issuer = host.chain.at(-1)?.issuer;
  if (told.length === 0 && issuer !== undefined) {
    told.push(facts([word("vouched_by"), hostile(issuer)], [word("anchor_kind"), word(host.form === "end-entity-only" ? "anchor_unseen" : "anchor_none")]));
  }
  if (told.length === 0) return [];
  return [el("section", { class: "part" }, el("h2", {}, word("who_vouched")), ...told.slice(0, 3))];
}

/** How many reasons are shown. */
const MOST_REASONS = 3;

function why(findings: Finding[]): HTMLElement[] {
  if (findings.length === 0) return [];
  const reasons = findings.slice(0, MOST_REASONS).map((finding) => {
    const place = el("div", { class: "explanation", hidden: true });
    const toggle = button(word("explain"), () => void unfold(toggle, place, finding), { "aria-expanded": "false", class: "link" });
    return el(
      "li",
      {},
      english(finding.says),
      " ",
      el("span", { class: "soft" }, say("reason_from", code(finding.detector), word(keyed("weight", finding.weight)))),
      " ",
      toggle,
      place,
    );
  });
  return [el("section", { class: "part" }, el("h2", {}, word("why")), el("ol", { class: "reasons" }, ...reasons))];
}

async function unfold(toggle: HTMLButtonElement, place: HTMLElement, finding: Finding): Promise<void> {
  const open = toggle.getAttribute("aria-expanded") !== "true";
  toggle.setAttribute("aria-expanded", String(open));
  place.hidden = !open;
  if (!open || place.childElementCount > 0) return;
  const told = await ask("explain", { detector: finding.detector }).catch(() => null);
  place.replaceChildren(
    ...(told === null
      ? [el("p", {}, word("no_explanation"))]
      : [
          el("h3", {}, word("explain_shows")),
          el("p", {}, english(told.shows)),
          el("h3", {}, word("explain_cannot")),
          el("p", {}, english(told.cannotTell)),
          el("h3", {}, word("explain_sources")),
          el("ul", {}, ...(finding.rests_on.length > 0 ? finding.rests_on : told.sources).map((source) => el("li", {}, english(source)))),
        ]),
  );
}

function chain(view: View, host: HostReport, findings: Finding[]): HTMLElement[] {
  if (host.chain.length === 0) return [];
  const roots = spots(host);
  const order = inOrder(roots);
  const panel = el("div", { class: "panel", "aria-live": "polite" }, el("p", { class: "soft" }, word("choose_certificate")));
  const drawn = tree(word("chain"), branches(host, findings, roots), (index) => {
    const spot = order[index];
    if (spot !== undefined) void look(view, host, spot, panel);
  });
  return [foldable(word("chain"), { open: true }, el("p", { class: "soft" }, word(keyed("form", host.form ?? "presented"))), drawn, panel)];
}

function branches(host: HostReport, findings: Finding[], all: Spot[]): Branch[] {
  return all.map((spot) => ({ label: label(host, findings, spot), children: branches(host, findings, spot.above) }));
}

function label(host: HostReport, findings: Finding[], spot: Spot): HTMLElement {
  const odd = isOdd(host, findings, spot);
  return el(
    "span",
    { class: odd ? "odd" : null },
    odd ? shape("warning") : null,
    el("span", { class: "role" }, role(host, spot)),
    " ",
    hostile(nameOf(host, spot), 120),
    odd ? el("span", { class: "flag" }, " ", word("odd")) : null,
    isAside(host, spot) ? el("span", { class: "flag" }, " ", word("aside")) : null,
  );
}

function role(host: HostReport, spot: Spot): string {
  if (spot.kind === "unseen") return word("role_unseen");
  if (isAnchor(host, spot)) return word("role_anchor");
  return word(keyed("role", host.chain[spot.index]?.role ?? "unreadable"));
}

/** The common name where there is one, for the tree is narrow; the whole name is in the panel. */
function nameOf(host: HostReport, { kind, index }: Spot): string {
  const whole = kind === "anchor" ? host.anchors[index]?.name : kind === "unseen" ? host.chain[index]?.issuer : host.chain[index]?.subject;
  return /(?:^|, )CN=((?:\\.|[^,\\])+)/.exec(whole ?? "")?.[1] ?? whole ?? "?";
}

async function look(view: View, host: HostReport, spot: Spot, panel: HTMLElement): Promise<void> {
  if (spot.kind === "unseen") {
    panel.replaceChildren(facts([word("cert_subject"), hostile(host.chain[spot.index]?.issuer ?? "?")]), el("p", { class: "soft" }, word("issuer_not_shown")));
    return;
  }
  const sha256 = (spot.kind === "anchor" ? host.anchors : host.chain)[spot.index]?.sha256;
  const details = await view.details().catch(() => [] as CertificateDetails[]);
  const one = details.find((candidate) => candidate.sha256 === sha256);
  const anchor = spot.kind === "anchor" ? host.anchors[spot.index] : undefined;
  panel.replaceChildren(
    one !== undefined ? certificate(one) : anchor !== undefined ? anchorFacts(anchor) : el("p", { class: "soft" }, word("no_details")),
  );
}

function unseen(view: View, report: Report, host: HostReport): HTMLElement {
  const said: Child[] = [];
  if (view.source === "helper") said.push(word("unseen_helper"));
  if (view.source === "browser") said.push(word("unseen_sent"));
  if (view.source === "check") said.push(word("unseen_check"));
  if (view.source === null) said.push(word("unseen_file"));
  if (host.form === "built") said.push(word("unseen_built"));
  if (host.form === "end-entity-only") said.push(word("unseen_end_entity"));
  const stale = report.tables.filter((table) => table.stale).map((table) => table.name);
  if (stale.length > 0) said.push(say("unseen_stale", stale.join(", ")));
  if (report.lab_tables !== null && report.lab_tables !== undefined) said.push(say("unseen_lab", english(report.lab_tables)));
  const missing = host.could_not_look.map(({ detector, missing: what }) => el("li", {}, code(detector), " – ", word(keyed("missing", what))));
  return foldable(
    word("unseen"),
    {},
    el("ul", {}, ...said.map((one) => el("li", {}, one))),
    missing.length === 0 ? null : el("details", {}, el("summary", {}, say("could_not_look", number(missing.length))), el("ul", { class: "small" }, ...missing)),
    el("p", { class: "soft" }, say("looked_at", moment(host.at)), " ", newest(report)),
  );
}

function newest(report: Report): Child {
  const dates = report.tables.map((table) => table.as_of);
  return dates.length === 0 ? null : say("tables_of", day(Math.min(...dates) * 1000));
}
