/** The extension API under one name: Chromium calls it `chrome`, and its promises are the same. */
export const api: typeof browser = globalThis.browser ?? (globalThis.chrome as unknown as typeof browser);
