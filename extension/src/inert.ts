/** Makes hostile text harmless to look at: what acts or hides is shown as its number. */

// Controls, what turns text around (UAX #9), what Unicode calls default-ignorable, separators, tags, lone surrogates.
const ACTS =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** Returns text for `textContent`, at most `longest` characters of it. */
export function inert(text: string, longest = 300): string {
  const shown = [...text].slice(0, longest).join("").replace(ACTS, (letter) => `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`);
  return [...text].length > longest ? `${shown}…` : shown;
}
