/** The judge's module, as wasm-bindgen writes it (`cargo xtask wasm --door web`); it lies beside the bundle. */
export default function init(options: { module_or_path: string | URL }): Promise<unknown>;
/** Makes the instance anew, with empty memory. */
export function __wbg_reset_state(): void;
export function judge(evidence: string): string;
export function judgeWithOverlay(evidence: string, overlay: string): string;
export function loadIssuerKeys(file: Uint8Array): void;
export function describe(file: Uint8Array): string;
export function explain(detector: string): string | undefined;
export function draw(count: number, seed: Uint8Array): string;
export function version(): string;
/** Only in modules for laboratories. */
export function trap(): void;
