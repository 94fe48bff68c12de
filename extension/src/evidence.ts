/** Makes evidence documents out of what was seen. */
import type { Evidence, Observation } from "./generated/evidence";
import type { Sighting } from "./observe";

const NOT_VISIBLE = "not-visible" as const;

/** Base64 of DER. */
export type Der = string;

export function toBase64(bytes: Uint8Array): Der {
  let text = "";
  // Spread over a whole certificate list could exceed the engine's argument limit.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** One observation; `chain` has the certificates of the sighting in its order. */
export function observation(sighting: Sighting, chain: Der[]): Observation {
  return {
    target: {
      host: sighting.host,
      port: sighting.port,
      transport: sighting.transport,
      // Browsers send the name of every host that is no address (RFC 6066 §3).
      server_name: /^[\d.]+$|:/.test(sighting.host) ? NOT_VISIBLE : { yes: sighting.host },
    },
    peer: sighting.peer === null ? NOT_VISIBLE : { yes: sighting.peer },
    at: Math.trunc(sighting.at),
    ending: sighting.failure === null ? "completed" : { failed: sighting.failure },
    chain: chain.length === 0 ? NOT_VISIBLE : { yes: { form: sighting.form, certificates: chain } },
    tls: sighting.tls === null ? NOT_VISIBLE : { yes: sighting.tls },
    scts: NOT_VISIBLE,
    ocsp_staple: NOT_VISIBLE,
    possession: NOT_VISIBLE,
    ...(sighting.via === null ? {} : { via: { yes: sighting.via } }),
    ...(sighting.client === null ? {} : { client: { yes: sighting.client } }),
  };
}

/** A document; the portal is told where the browser tells it. */
export function evidence(
  vantage: Evidence["collector"]["vantage"],
  version: string,
  now: number,
  observations: Observation[],
  portal: boolean | null,
): Evidence {
  return {
    format: "mintwatch.evidence",
    version: 1,
    collector: { name: "mintwatch", version, vantage },
    collected_at: Math.trunc(now / 1000),
    observations,
    surroundings: {
      anchors: NOT_VISIBLE,
      store_overrides: NOT_VISIBLE,
      clock: NOT_VISIBLE,
      portal: portal === null ? NOT_VISIBLE : { yes: { captive: portal, method: `${vantage}` } },
      proxies: NOT_VISIBLE,
      dns: NOT_VISIBLE,
    },
  };
}
