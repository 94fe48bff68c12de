/** Certificates that somebody dropped: described, judged as files, kept nowhere. */
import { evidence, observation } from "./evidence";
import type { Answer, CertificateDetails } from "./messages";
import { unseen } from "./observe";
import { described, judged, said } from "./validator";

const MOST_FILES = 20;

export async function viewed(files: string[], host: string, version: string): Promise<Answer<"view">> {
  const details: CertificateDetails[] = [];
  let trouble: string | null = files.length > MOST_FILES ? `only the first ${MOST_FILES} files were read` : null;
  for (const file of files.slice(0, MOST_FILES)) {
    try {
      details.push(...(await described(bytes(file))));
    } catch (error) {
      trouble = said(error);
    }
  }
  if (details.length === 0) return { details, report: null, trouble };
  const name = host.trim().toLowerCase().replace(/\.$/, "") || details[0]?.names.find((one) => /^[a-z0-9.-]+$/i.test(one))?.toLowerCase() || "";
  if (name === "") return { details, report: null, trouble: trouble ?? "no host name to judge it for" };
  const sighting = { ...unseen({ host: name, port: 443 }), form: "presented" as const };
  const seen = observation(sighting, details.map((one) => one.der));
  // Nobody sent a name: these are files.
  seen.target.server_name = "not-visible";
  const document = evidence("files", version, Date.now(), [seen], null);
  const { report, failure } = await judged(document);
  return { details, report, trouble: failure ?? trouble };
}

/** Pages hand files over as base64, whatever is in them. */
function bytes(file: string): Uint8Array {
  return Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
}
