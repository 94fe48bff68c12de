/** Evidence as it would leave this browser: the CLI's own document, with what a profile takes out named. */
import type { Evidence, Export, Report } from "./messages";

/** Profiles of `docs/`: `internal` for one's own security team, `public` for a bug tracker. */
export function exported(document: Evidence, report: Report | null, profile: "internal" | "public"): Export {
  const removed: string[] = [];
  const copy = structuredClone(document);
  if (profile === "public") {
    copy.surroundings.anchors = take(copy.surroundings.anchors, "/surroundings/anchors: may name an employer", removed);
    copy.surroundings.dns = take(copy.surroundings.dns, "/surroundings/dns: names the network's resolver", removed);
    copy.surroundings.proxies = take(copy.surroundings.proxies, "/surroundings/proxies: tells how this machine is set up", removed);
    copy.surroundings.store_overrides = take(copy.surroundings.store_overrides, "/surroundings/store_overrides: likewise", removed);
    if (copy.surroundings.remembered !== undefined) {
      copy.surroundings.remembered = take(copy.surroundings.remembered, "/surroundings/remembered: tells of other days", removed);
    }
    copy.collected_at -= copy.collected_at % 60;
    removed.push("/collected_at: rounded to the minute");
    for (const [index, seen] of copy.observations.entries()) {
      const at = `/observations/${index}`;
      seen.peer = take(seen.peer, `${at}/peer: an address as this network gave it`, removed);
      seen.at -= seen.at % 60_000;
      // A chain below a public anchor proves itself and is never altered; one below a private anchor names its owner.
      const anchors = report?.hosts[index]?.anchors ?? report?.hosts[0]?.anchors ?? [];
      const isPublic = anchors.some((anchor) => typeof anchor.kind === "object" && "public" in anchor.kind);
      if (!isPublic) seen.chain = take(seen.chain, `${at}/chain: a chain below no public anchor names whose it is`, removed);
    }
  }
  const host = copy.observations[0]?.target.host ?? "evidence";
  return { fileName: `mintwatch-${host.replaceAll(/[^a-z0-9.-]/g, "_")}.json`, text: `${JSON.stringify(copy)}\n`, removed };
}

function take<T>(value: T, why: string, removed: string[]): T | "not-visible" {
  if (value === "not-visible" || value === undefined) return value;
  removed.push(why);
  return "not-visible";
}
