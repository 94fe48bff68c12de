/** Badge and notification: a mark has a letter, a colour and a title. */
import { api } from "./api";
import type { Mark } from "./messages";

const LOOKS: Record<Mark, { text: string; colour: string }> = {
  none: { text: "", colour: "#3a6b4a" },
  info: { text: "i", colour: "#1f5fa8" },
  unknown: { text: "?", colour: "#5c5f66" },
  warning: { text: "!", colour: "#a35200" },
  alarm: { text: "X", colour: "#b3001b" },
};

const shown = new Map<number, Mark>();

/** Shows a mark on a tab's badge; a tab that is gone is no error. What is shown already costs nothing: most requests change nothing. */
export function show(tabId: number, mark: Mark): void {
  if (shown.get(tabId) === mark) return;
  shown.set(tabId, mark);
  const { text, colour } = LOOKS[mark];
  const word = api.i18n.getMessage(`mark_${mark}`);
  const title = `${api.i18n.getMessage("name")}: ${word}`;
  const quiet = (call: Promise<void> | void) => void Promise.resolve(call).catch(() => undefined);
  quiet(api.action.setBadgeText({ tabId, text }));
  quiet(api.action.setBadgeBackgroundColor({ tabId, color: colour }));
  quiet(api.action.setBadgeTextColor({ tabId, color: "#ffffff" }) as Promise<void>);
  quiet(api.action.setTitle({ tabId, title }));
}

/** What a tab's badge shows; the browser forgets it when the tab navigates. */
export function forget(tabId: number): void {
  shown.delete(tabId);
}

const told = new Set<string>();
const MOST_TOLD = 200;

/** Tells once in a session, for each host and authority. */
export function tell(id: string, host: string): void {
  if (told.has(id) || told.size >= MOST_TOLD) return;
  told.add(id);
  void api.notifications.create(`mintwatch ${told.size}`, {
    type: "basic",
    iconUrl: api.runtime.getURL("icons/icon-128.png"),
    title: api.i18n.getMessage("notification_title"),
    message: api.i18n.getMessage("notification_message", [host]),
  });
}
