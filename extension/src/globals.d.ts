/** Set by build.mjs. */
declare const LAB: boolean;
declare const BROWSER: "firefox" | "chromium";
declare const MANAGED: boolean;
