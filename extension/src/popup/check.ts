/** A check of hosts that are drawn at random: it shows on the network, so somebody starts it. */
import { ask } from "../ask";
import type { CheckState, Settings, Summary } from "../messages";
import { button, el, foldable } from "../pages/dom";
import { attempt, linkTo, markWord, shape } from "../pages/page";
import { moment, number, say, word } from "../pages/words";

const EVERY = 1_000;

type List = (hosts: Summary[]) => HTMLElement;

export function check(settings: Settings, list: List): HTMLElement {
  const state = el("div", { "aria-live": "polite" });
  if (!settings.networkCheck) return foldable(word("check"), {}, el("p", {}, word("check_off"), " ", linkTo("options", word("to_options"))));
  const go = button(word("check_start"), () => attempt(() => follow(true)));
  const part = foldable(word("check"), {}, el("p", { class: "soft" }, word("check_what")), go, state);

  async function follow(begin: boolean): Promise<void> {
    const now = await ask("check", { start: begin });
    go.disabled = now.running;
    state.replaceChildren(...drawn(now, list));
    if (now.running && state.isConnected) setTimeout(() => attempt(() => follow(false)), EVERY);
  }
  part.addEventListener("toggle", () => {
    if (part.open) attempt(() => follow(false));
  });
  return part;
}

function drawn(now: CheckState, list: List): HTMLElement[] {
  if (now.running) {
    return [el("p", {}, say("check_running", number(now.answered), number(now.asked))), el("progress", { max: String(Math.max(now.asked, 1)), value: String(now.answered), "aria-label": word("check") })];
  }
  if (now.finished === null) return [];
  return [
    el("p", { class: "entry" }, shape(now.mark), el("span", {}, markWord(now.mark), " ", say("check_done", number(now.answered), number(now.asked), moment(now.finished)))),
    list(now.rows),
  ];
}
