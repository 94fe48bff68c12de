/** Certificates out of files: shown, judged as files, and kept nowhere. */
import { ask } from "../ask";
import { markOf } from "../marks";
import type { CertificateDetails, Report } from "../messages";
import { certificate } from "../pages/certificate";
import { subject } from "../pages/chain";
import { el, english, foldable, found, hostile } from "../pages/dom";
import { MOST_BYTES, MOST_FILES, takeDrops, toBase64 } from "../pages/files";
import { attempt, complain, start } from "../pages/page";
import { drawReport } from "../pages/report";
import { number, say, word } from "../pages/words";

start(async () => {
  const choice = found<HTMLInputElement>("files");
  const paste = found<HTMLTextAreaElement>("paste");
  found("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const pasted = paste.value.trim() === "" ? [] : [new Blob([paste.value])];
    attempt(() => look([...(choice.files ?? []), ...pasted]));
  });
  choice.addEventListener("change", () => attempt(() => look([...(choice.files ?? [])])));
  takeDrops(found("drop"), (files) => attempt(() => look(files)));
});

async function look(files: Blob[]): Promise<void> {
  const shown = found("shown");
  shown.replaceChildren();
  if (files.length === 0) return complain(word("viewer_nothing"));
  if (files.length > MOST_FILES) return complain(say("viewer_too_many", number(MOST_FILES)));
  if (files.reduce((sum, file) => sum + file.size, 0) > MOST_BYTES) return complain(say("viewer_too_large", number(MOST_BYTES)));
  const host = found<HTMLInputElement>("host").value.trim();
  const { details, report, trouble } = await ask("view", { files: await Promise.all(files.map(toBase64)), host });
  if (trouble !== null) complain(say("viewer_trouble", english(trouble)));
  shown.append(...(report === null ? [] : judged(report, details, host)), ...certificates(details));
}

function judged(report: Report, details: CertificateDetails[], host: string): HTMLElement[] {
  const one = report.hosts[subject(report)];
  if (one === undefined) return [];
  const drawn = drawReport({
    host: one.host,
    port: one.port,
    mark: markOf(one, null),
    source: null,
    cause: one.verdict.cause,
    report,
    note: null,
    declared: null,
    failure: null,
    details: async () => details,
  });
  return [el("p", { class: "soft" }, word(host === "" ? "viewer_no_host" : "viewer_judged")), ...drawn];
}

function certificates(details: CertificateDetails[]): HTMLElement[] {
  return details.map((one, index) =>
    foldable(say("viewer_certificate", number(index + 1), hostile(one.subject, 120)), { open: details.length === 1 }, certificate(one)),
  );
}
