/**
 * The layers, as `npm run lint` enforces them (docs/architecture.md draws them). A layer may import itself and what is
 * listed here, nothing else; type imports count.
 */
const tensors = ['core', 'io', 'tensor'];
const computing = [...tensors, 'model'];
const layers = {
  'src/core': [],
  'src/io': ['core'],
  // Only its client half uses io: see the rules below.
  'src/protocol': ['core', 'io'],
  'src/tensor': ['core', 'io'],
  'src/model': tensors,
  'src/train': computing,
  'src/rewards': computing,
  'src/remote': [...computing, 'train', 'rewards', 'protocol'],
  'src/run': [...computing, 'train', 'rewards', 'remote', 'protocol'],
  'src/engine': ['core', 'io', 'tensor', 'model', 'rewards', 'remote', 'run', 'protocol'],
  'src/report': ['core', 'io', 'run'],
};

const escape = (folder) => `^${folder.replace('/', '\\/')}/`;

/** One rule per layer. */
const layerRules = Object.entries(layers).map(([folder, allowed]) => ({
  name: `${folder} imports only ${['itself', ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: escape(folder) },
  to: {
    path: '^(src|components|tools|bench|test)/',
    pathNot: [escape(folder), ...allowed.map((name) => escape(`src/${name}`))],
  },
}));

const rule = (name, from, to) => ({ name, severity: 'error', from, to });

module.exports = {
  forbidden: [
    ...layerRules,
    rule(
      'core is pure: no files, processes or network',
      { path: '^src/core/' },
      {
        path: '^(node:)?(fs|child_process|net|http|https|worker_threads)(/|$)',
      },
    ),
    rule(
      'protocol reads no files and starts no processes',
      { path: '^src/protocol/' },
      {
        path: '^(node:)?(fs|child_process|http|https|worker_threads)(/|$)',
      },
    ),
    rule(
      'only the client half of the protocol imports io',
      { path: '^src/protocol/', pathNot: '/client\\.ts$' },
      {
        path: '^src/io/',
      },
    ),
    rule(
      'components get events and send commands; cli connects to the engine',
      { path: '^components/' },
      {
        path: '^src/protocol/(client|wire)\\.ts$',
      },
    ),
    rule(
      'only tensor, model, train, rewards and run know TensorFlow.js',
      {
        path: '^(src|components)/',
        pathNot: '^src/(tensor|model|train|rewards|run|remote|engine/worker)',
      },
      { path: '@tensorflow' },
    ),
    rule(
      'components/terminal imports only core',
      { path: '^components/terminal/' },
      {
        path: '^(src|components)/',
        pathNot: '^(src/core|components/terminal)/',
      },
    ),
    rule(
      'components/parts import only core, protocol and terminal',
      { path: '^components/parts/' },
      {
        path: '^(src|components)/',
        pathNot: '^(src/core|src/protocol|components/terminal|components/parts)/',
      },
    ),
    rule(
      'components/app imports no screen',
      { path: '^components/app/' },
      {
        path: '^(src|components)/',
        pathNot: '^(src/core|src/protocol|components/terminal|components/parts|components/app)/',
      },
    ),
    rule(
      'a screen imports app, parts, core and protocol, and no other screen',
      { path: '^components/screens/([^/]+)/' },
      {
        path: '^(src|components)/',
        pathNot: ['^(src/core|src/protocol|components/parts|components/app)/', '^components/screens/$1/'],
      },
    ),
    rule('components read no files', { path: '^components/' }, { path: '^(node:)?(fs|child_process|net)(/|$)' }),
    rule('no cycles', {}, { circular: true }),
    rule('no orphans', { orphan: true, path: '^(src|components)/', pathNot: '(^src/cli\\.ts|\\.d\\.ts)$' }, {}),
    rule('nothing outside test imports test', { path: '^(src|components|tools)/' }, { path: '^(test|bench)/' }),
    rule('imports resolve', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
