/** What tabs do, told by every browser alike. */
import { api } from "../api";
import type { Listener } from "../observe";
import { hostOf } from "../observe";

export function watchTabs(listener: Listener): void {
  api.webNavigation.onCommitted.addListener((details) => {
    if (details.frameId === 0) listener.navigated(details.tabId, hostOf(details.url));
  });
  api.webNavigation.onCompleted.addListener((details) => {
    if (details.frameId === 0) listener.settled(details.tabId);
  });
  api.tabs.onRemoved.addListener((tabId) => listener.closed(tabId));
}
