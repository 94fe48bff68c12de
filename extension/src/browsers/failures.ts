/** What browsers say when a connection fails, as the classes that evidence knows. */
import type { Sighting } from "../observe";

type Failure = NonNullable<Sighting["failure"]>;
type Class = Failure["class"];

/**
 * NSS and PSM numbers by which Firefox refuses a certificate (security/nss `secerr.h`, `sslerr.h`; security/pkix
 * `Result.h`). `webNavigation` tells the number; the text beside it is in the user's language.
 */
const REFUSALS: Record<number, string> = {
  [-8181]: "SEC_ERROR_EXPIRED_CERTIFICATE",
  [-8180]: "SEC_ERROR_REVOKED_CERTIFICATE",
  [-8179]: "SEC_ERROR_UNKNOWN_ISSUER",
  [-8182]: "SEC_ERROR_BAD_SIGNATURE",
  [-8172]: "SEC_ERROR_UNTRUSTED_ISSUER",
  [-8171]: "SEC_ERROR_UNTRUSTED_CERT",
  [-8162]: "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE",
  [-8156]: "SEC_ERROR_CA_CERT_INVALID",
  [-8155]: "SEC_ERROR_PATH_LEN_CONSTRAINT_INVALID",
  [-8102]: "SEC_ERROR_INADEQUATE_KEY_USAGE",
  [-8101]: "SEC_ERROR_INADEQUATE_CERT_TYPE",
  [-8080]: "SEC_ERROR_CERT_NOT_IN_NAME_SPACE",
  [-8016]: "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED",
  [-12276]: "SSL_ERROR_BAD_CERT_DOMAIN",
  [-16384]: "MOZILLA_PKIX_ERROR_KEY_PINNING_FAILURE",
  [-16383]: "MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY",
  [-16382]: "MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE",
  [-16381]: "MOZILLA_PKIX_ERROR_V1_CERT_USED_AS_CA",
  [-16379]: "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE",
  [-16378]: "MOZILLA_PKIX_ERROR_NOT_YET_VALID_ISSUER_CERTIFICATE",
  [-16375]: "MOZILLA_PKIX_ERROR_VALIDITY_TOO_LONG",
  [-16371]: "MOZILLA_PKIX_ERROR_ADDITIONAL_POLICY_CONSTRAINT_FAILED",
  [-16370]: "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT",
  [-16369]: "MOZILLA_PKIX_ERROR_MITM_DETECTED",
  [-16368]: "MOZILLA_PKIX_ERROR_INSUFFICIENT_CERTIFICATE_TRANSPARENCY",
};

const SSL_BASE = -12_288;
/** SSL_ERROR_RX_RECORD_TOO_LONG: what came was no TLS record. */
const RECORD_TOO_LONG = -12_263;

/** Texts of Firefox' network errors, which are names in every language. */
const FIREFOX_NAMES: Record<string, Class> = {
  NS_ERROR_UNKNOWN_HOST: "no-address",
  NS_ERROR_CONNECTION_REFUSED: "refused",
  NS_ERROR_NET_TIMEOUT: "timed-out",
  NS_ERROR_NET_RESET: "reset",
  NS_ERROR_NET_INTERRUPT: "closed",
  NS_ERROR_OFFLINE: "unreachable",
};

/** Those that say nothing of a connection: the user went on, or an extension stopped it. */
const NO_CONNECTION = /NS_BINDING_ABORTED|NS_ERROR_ABORT|NS_ERROR_NOT_AVAILABLE|ERR_ABORTED|ERR_BLOCKED_BY|ERR_CACHE_MISS|ERR_INTERNET_DISCONNECTED/;

/** Reads what Firefox' `webNavigation` gives: a number (`Error code 2153390067`), or a name. */
export function ofFirefox(error: string): Failure | null {
  if (NO_CONNECTION.test(error)) return null;
  const code = /^Error code (\d+)$/.exec(error)?.[1];
  if (code !== undefined) return ofNumber(Number(code));
  return { class: FIREFOX_NAMES[error] ?? "other", detail: error.slice(0, 200) };
}

/** Module 0x5a of an `nsresult` is security; its low half is the NSS number, without the sign (`nsNSSErrors`). */
function ofNumber(result: number): Failure {
  const hexadecimal = `0x${(result >>> 0).toString(16)}`;
  if (((result >>> 16) & 0x7fff) !== 0x5a) {
    const named: Record<number, Class> = {
      0x804b001e: "no-address",
      0x804b000d: "refused",
      0x804b000e: "timed-out",
      0x804b0014: "reset",
      0x804b0047: "closed",
      0x804b0010: "unreachable",
    };
    return { class: named[result >>> 0] ?? "other", detail: hexadecimal };
  }
  const nss = -(result & 0xffff);
  const name = REFUSALS[nss];
  if (name !== undefined) return { class: "certificate-refused", detail: name };
  const detail = `NSS ${nss}`;
  if (nss === RECORD_TOO_LONG) return { class: "not-tls", detail };
  // Between -12288 and -11288 are those of TLS itself: alerts, versions, ciphers; the rest is about certificates.
  return { class: nss >= SSL_BASE && nss < SSL_BASE + 1_000 ? "other" : "certificate-refused", detail };
}

/** Chromium's names are the same in every language (net/base/net_error_list.h). */
const CHROMIUM_NAMES: [RegExp, Class][] = [
  [/^net::ERR_CERT_|^net::ERR_SSL_PINNED_KEY|^net::ERR_CERTIFICATE_TRANSPARENCY|^net::ERR_SSL_KEY_USAGE/, "certificate-refused"],
  [/^net::ERR_NAME_/, "no-address"],
  [/^net::ERR_CONNECTION_REFUSED$/, "refused"],
  [/^net::ERR_CONNECTION_RESET$/, "reset"],
  [/^net::ERR_CONNECTION_CLOSED$|^net::ERR_EMPTY_RESPONSE$/, "closed"],
  [/^net::ERR_(CONNECTION_)?TIMED_OUT$/, "timed-out"],
  [/^net::ERR_(ADDRESS|INTERNET|NETWORK)_/, "unreachable"],
  [/^net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH$/, "nothing-in-common"],
  [/^net::ERR_SSL_PROTOCOL_ERROR$/, "malformed"],
];

export function ofChromium(error: string): Failure | null {
  if (NO_CONNECTION.test(error)) return null;
  const known = CHROMIUM_NAMES.find(([pattern]) => pattern.test(error));
  return { class: known?.[1] ?? "other", detail: error.slice(0, 200) };
}
