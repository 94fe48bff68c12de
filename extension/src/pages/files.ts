/** Files that leave and files that come in. */

/** The largest file that is taken, in bytes, and how many at once; the judge takes no more either. */
export const MOST_BYTES = 4 * 1024 * 1024;
export const MOST_FILES = 16;

/** PEM of a certificate in base64 (RFC 7468 §5.1: lines of 64). */
export function pem(der: string): string {
  const lines = der.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** Offers a text as a file; its name has only letters that no system reads otherwise. */
export function download(name: string, text: string, type = "application/json"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export async function toBase64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  // Spread over a whole file would exceed the engine's argument limit.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** Lets files be dropped on a place of the page; elsewhere a dropped file would replace the page. */
export function takeDrops(place: HTMLElement, take: (files: File[]) => void): void {
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", place.contains(event.target as Node));
    });
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) take(files);
  });
}
