/** tfjs-core's published tests and our backend as one file, so that both share one tfjs-core: the tests import its modules one by one. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const here = (file: string) => path.join(import.meta.dirname, file);
const require = createRequire(import.meta.url);

/** @param outfile what is not bundled is found from there */
export async function bundle(outfile: string, minify = false): Promise<void> {
  const core = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist/index.js');
  await build({
    entryPoints: [here('entry.ts')],
    outfile,
    bundle: true,
    minifySyntax: minify,
    minifyWhitespace: minify,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // tfjs-core declares its modules free of side effects, and its tests are nothing else.
    ignoreAnnotations: true,
    external: ['@brevity/native', 'jasmine-core', 'node-fetch'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    plugins: [
      {
        name: 'one tfjs-core',
        setup({ onResolve }) {
          onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: core }));
        },
      },
    ],
  });
}
