/** tfjs-core's published tests and our backend as one file, so that both share one tfjs-core: the tests import its modules one by one. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const here = (file: string) => path.join(import.meta.dirname, file);
const require = createRequire(import.meta.url);

const core = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist/index.js');

/** For programs that share one tfjs-core. */
export const aroundOneCore = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'error',
  // tfjs calls its modules free of side effects: backends and gradients register themselves as they are imported, and
  // its tests are nothing else.
  ignoreAnnotations: true,
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
} satisfies BuildOptions;

/** @param outfile what is not bundled is found from there */
export async function bundle(outfile: string, minify = false): Promise<void> {
  await build({
    ...aroundOneCore,
    entryPoints: [here('entry.ts')],
    outfile,
    minifySyntax: minify,
    minifyWhitespace: minify,
    external: ['@brevity-dpo/native', 'jasmine-core', 'node-fetch'],
  });
}
