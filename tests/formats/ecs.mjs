// Writes events as literals of the types that Elastic publishes for its schema: a field that it does not have, or one of
// another type, does not compile. What the types leave open is held against the values that ECS 9.4 allows.
import { readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

const [home, work, ...files] = process.argv.slice(2);
const require = createRequire(path.join(home, 'package.json'));
// elastic/ecs 9.4.0, generated/ecs/ecs_flat.yml: allowed_values.
const kinds = ['alert', 'asset', 'enrichment', 'event', 'metric', 'state', 'pipeline_error', 'signal'];
const categories = ['network', 'intrusion_detection'];
const expectedTypes = { network: ['access', 'allowed', 'connection', 'denied', 'end', 'info', 'protocol', 'start'], intrusion_detection: ['allowed', 'denied', 'info'] };

const events = files.flatMap((file) => readFileSync(file, 'ascii').trim().split('\n').map((line) => JSON.parse(line)));
for (const event of events) {
    const { kind, category, type } = event.event;
    const fits = kinds.includes(kind) && category.every((one) => categories.includes(one) && type.every((of) => expectedTypes[one].includes(of)));
    const hash = event.tls?.server?.hash?.sha256;
    const serial = event.tls?.server?.x509?.serial_number;
    if (!fits || event.ecs.version !== '9.4.0' || Number.isNaN(Date.parse(event['@timestamp']))) throw new Error(JSON.stringify(event.event));
    if ((hash && !/^[0-9A-F]{64}$/.test(hash)) || (serial && !/^[0-9A-F]+$/.test(serial))) throw new Error(`${hash} ${serial}`);
}
const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc');
const types = path.join(home, 'node_modules/@elastic/ecs/generated/index');
const compile = (name, events) => {
    const source = path.join(work, name);
    const literals = events.map((event, index) => `export const e${index}: Event = ${JSON.stringify(event)};`);
    writeFileSync(source, `import type { Ecs } from ${JSON.stringify(types)};\ntype Event = Ecs & { mintwatch?: unknown };\n${literals.join('\n')}\n`);
    execFileSync(process.execPath, [tsc, '--strict', '--noEmit', '--skipLibCheck', '--target', 'es2022', '--moduleResolution', 'node10', '--module', 'commonjs', '--typeRoots', work, source], { stdio: 'pipe' });
};
try {
    compile('events.ts', events);
} catch (error) {
    throw new Error(String(error.stdout).slice(0, 2000) + String(error.stderr).slice(0, 2000));
}
for (const wrong of [{ ...events[0], observer: { ...events[0].observer, nonsense: 'x' } }, { ...events[0], event: { ...events[0].event, severity: 'high' } }]) {
    let taken = true;
    try { compile('wrong.ts', [wrong]); } catch { taken = false; }
    if (taken) throw new Error('the compiler takes anything');
}
console.log(events.length);
