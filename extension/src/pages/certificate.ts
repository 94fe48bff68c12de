/** What a certificate says. */
import type { CertificateDetails, HostReport } from "../messages";
import { button, type Child, code, el, facts, hostile } from "./dom";
import { download, pem } from "./files";
import { tell } from "./page";
import { keyed, moment, number, say, word } from "./words";

type Anchor = HostReport["anchors"][number];

/** Everything of one certificate, with its bytes to take away. */
export function certificate(details: CertificateDetails): HTMLElement {
  const text = pem(details.der);
  return el(
    "div",
    { class: "certificate" },
    facts(
      [word("cert_subject"), hostile(details.subject)],
      [word("cert_issuer"), hostile(details.issuer)],
      [word("cert_valid"), say("cert_from_to", moment(details.notBefore * 1000), moment(details.notAfter * 1000))],
      [word("cert_names"), names(details)],
      [word("cert_ca"), details.isCa ? authority(details.pathLength) : word("no")],
      [word("cert_permits"), details.permits === null ? null : list(details.permits)],
      [word("cert_purposes"), details.purposes === null ? null : list(details.purposes)],
      [word("cert_key"), code(details.key)],
      [word("cert_signature"), code(details.signature)],
      [word("cert_scts"), word(details.hasSctList ? "yes" : "no")],
      [word("cert_serial"), code(details.serial)],
      ["SHA-256", code(details.sha256)],
      [word("cert_spki"), code(details.spkiSha256)],
      [word("cert_subject_key"), details.subjectKeyId === null ? null : code(details.subjectKeyId)],
      [word("cert_authority_key"), details.authorityKeyId === null ? null : code(details.authorityKeyId)],
    ),
    el(
      "div",
      { class: "row" },
      button(word("copy_pem"), () => void copy(text)),
      button(word("save_pem"), () => download(`${details.sha256.slice(0, 16)}.pem`, text, "application/x-pem-file")),
    ),
  );
}

/** What is known of an anchor that was not among the certificates. */
export function anchorFacts(anchor: Anchor): HTMLElement {
  return el(
    "div",
    { class: "certificate" },
    facts(
      [word("cert_subject"), hostile(anchor.name)],
      [word("anchor_kind"), anchorKind(anchor)],
      ["SHA-256", code(anchor.sha256)],
      [word("cert_spki"), code(anchor.spki_sha256)],
    ),
    el("p", { class: "soft" }, word("anchor_not_shown")),
  );
}

/** Whose an anchor is, in words. */
export function anchorKind({ kind }: Anchor): DocumentFragment {
  if (kind === "retired") return say("anchor_retired");
  if ("local" in kind) return say("anchor_local");
  return say("anchor_public", kind.public.map((program) => word(keyed("program", program))).join(", "));
}

/** Puts a text on the clipboard and says so. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(word("copied"));
  } catch {
    tell(word("not_copied"));
  }
}

function names(details: CertificateDetails): Child {
  if (details.names.length === 0) return null;
  const more = details.namesLeftOut > 0 ? el("p", { class: "soft" }, say("more", number(details.namesLeftOut))) : null;
  return el("div", {}, list(details.names), more);
}

/** A list that scrolls by keys when it is long. */
function list(texts: string[]): HTMLElement {
  const long = texts.length > 8;
  const attributes = long ? { class: "plain long", tabindex: "0", role: "group", "aria-label": word("cert_list", number(texts.length)) } : { class: "plain" };
  return el("div", attributes, el("ul", {}, ...texts.map((text) => el("li", {}, hostile(text)))));
}

function authority(pathLength: number | null): DocumentFragment {
  return pathLength === null ? say("cert_ca_yes") : say("cert_ca_length", number(pathLength));
}

