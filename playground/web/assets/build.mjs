// Bundles the front end into ../static/dist: hashed names, a manifest from plain to hashed name,
// and a .gz and .br beside each file, so that the server never compresses an asset itself.

import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "..", "static", "dist");

await rm(dist, { recursive: true, force: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: [
    "src/early.ts",
    "src/main.ts",
    "src/again.ts",
    "src/execution.ts",
    "src/editor.ts",
    "src/files.ts",
    "src/resources.ts",
    "src/search.ts",
    "src/api_docs.ts",
    "src/browser_worker.ts",
    "src/worker_frame.ts",
    "css/main.css",
  ],
  entryNames: "[name]-[hash]",
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  chunkNames: "[name]-[hash]",
  minify: true,
  sourcemap: true,
  sourcesContent: true,
  metafile: true,
  legalComments: "none",
  // What has light-dark(), nesting and popover; nothing is rewritten for older browsers.
  target: ["chrome123", "firefox125", "safari17.5"],
});

const manifest = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint === undefined) continue;
  const plain = basename(output.entryPoint).replace(/\.ts$/, ".js");
  // What else to fetch at once: shared chunks, so that no import waits for another.
  const imports = output.imports.filter((one) => one.kind === "import-statement");
  manifest[plain] = {
    file: basename(path),
    preload: imports.map((one) => basename(one.path)),
  };
}
await writeFile(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

for (const name of (await readdir(dist)).sort()) {
  if (name === "manifest.json" || name.endsWith(".map")) continue;
  const file = join(dist, name);
  const body = await readFile(file);
  const [gz, br] = [gzipSync(body, { level: 9 }), brotliCompressSync(body)];
  await writeFile(`${file}.gz`, gz);
  await writeFile(`${file}.br`, br);
  const { size } = await stat(file);
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
  console.log(`${name}  ${kb(size)}, gzip ${kb(gz.length)}, brotli ${kb(br.length)}`);
}
