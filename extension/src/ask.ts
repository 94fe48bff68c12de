/** How pages ask the background. */
import { api } from "./api";
import type { Answer, Ask, Kind, Protocol } from "./messages";

/** Asks, and answers; rejects with a plain `Error` when the background could not. */
export async function ask<K extends Kind>(kind: K, what: Protocol[K]["ask"]): Promise<Answer<K>> {
  const answer = (await api.runtime.sendMessage({ kind, ...what } satisfies Ask<K>)) as { yes: Answer<K> } | { no: string } | undefined;
  if (answer === undefined) throw new Error("the background did not answer");
  if ("no" in answer) throw new Error(answer.no);
  return answer.yes;
}
