/** Taking evidence away: what would leave is shown first, as it would leave. */
import { ask } from "../ask";
import { inert } from "../inert";
import type { Export } from "../messages";
import { copy } from "../pages/certificate";
import { button, el, english, foldable } from "../pages/dom";
import { download } from "../pages/files";
import { attempt, complain } from "../pages/page";
import { number, say, word } from "../pages/words";

const PROFILES = ["public", "internal"] as const;

export function evidence(key: string): HTMLElement {
  const preview = el("div", { "aria-live": "polite" });
  let chosen: (typeof PROFILES)[number] = "public";
  const show = () => attempt(async () => {
    const made = await ask("export", { key, profile: chosen });
    if (made === null) complain(word("forgotten"));
    else preview.replaceChildren(...drawn(made));
  });
  const choices = PROFILES.map((profile) => {
    const input = el("input", { type: "radio", name: "profile", value: profile });
    input.checked = profile === chosen;
    input.addEventListener("change", () => {
      chosen = profile;
      if (preview.childElementCount > 0) show();
    });
    return el("label", { class: "choice" }, input, el("span", {}, word(`profile_${profile}`)));
  });
  return foldable(
    word("evidence"),
    {},
    el("p", { class: "soft" }, word("evidence_what")),
    el("fieldset", {}, el("legend", {}, word("profile")), ...choices),
    button(word("evidence_preview"), show),
    preview,
  );
}

function drawn(made: Export): HTMLElement[] {
  const text = el("textarea", { readonly: true, rows: "10", dir: "ltr", lang: "en", spellcheck: "false", "aria-label": word("evidence_text") });
  // Shown line by line with what acts made visible; what is copied and saved is the text itself.
  text.value = made.text.split("\n").map((line) => inert(line, Infinity)).join("\n");
  const bytes = new TextEncoder().encode(made.text).length;
  return [
    el("h3", {}, word("evidence_removed")),
    made.removed.length === 0
      ? el("p", {}, word("evidence_nothing_removed"))
      : el("ul", { class: "small" }, ...made.removed.map((one) => el("li", {}, english(one)))),
    el("h3", {}, word("evidence_leaves")),
    text,
    el("p", { class: "soft" }, say("evidence_bytes", number(bytes))),
    el(
      "div",
      { class: "row" },
      button(word("save_file"), () => download(made.fileName, made.text), { class: "main" }),
      button(word("copy_text"), () => void copy(made.text)),
    ),
  ];
}
