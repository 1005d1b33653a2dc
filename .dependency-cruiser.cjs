// Who may import what: the direction of the data (src/README.md has the picture). Checked by `npm run layers`.
const rooms = {
  model: '^src/model/',
  support: '^src/support/',
  mesh: '^src/mesh/',
  sidecar: '^src/sidecar/',
  inject: '^src/inject/',
  admin: '^src/admin/',
  telemetry: '^src/telemetry/',
  registries: '^registries/',
  config: '^config/',
  generate: '^xds/generate/',
  server: '^xds/server/',
  proto: '^xds/proto/',
  resources: '^xds/[^/]+\\.ts$',
}

/** A rule: files of `from` import, of this project's own files, only those of `to` and of their own room. */
const only = (name, from, to, remedy) => ({
  name,
  comment: remedy,
  severity: 'error',
  from: { path: rooms[from] },
  to: {
    path: '^(src|registries|config|xds|test|deploy)/',
    pathNot: [rooms[from], ...to.map((room) => rooms[room] ?? room)],
  },
})

module.exports = {
  forbidden: [
    only('model', 'model', [], 'The model is the neck: move what it needs into it, or the need out of it.'),
    only('support', 'support', [], 'A helper that needs a room belongs into that room.'),
    only(
      'registries',
      'registries',
      ['model', 'support', '^config/(source|entry-kind|settings-reader|yaml)\\.ts$', '^config/connections/'],
      'A registry knows the model and its own wire; give it the rest by RegistryDeps.',
    ),
    only(
      'config',
      'config',
      ['model', 'support'],
      'Configuration becomes model values; nothing of xDS or sidecars.',
    ),
    only(
      'mesh',
      'mesh',
      ['model', 'support', '^registries/registry\\.ts$', '^config/source\\.ts$'],
      'The mesh sees the two contracts, never an adapter.',
    ),
    only('sidecar', 'sidecar', ['model', 'support'], 'A view is made of model values.'),
    only(
      'generate',
      'generate',
      ['model', 'support', 'sidecar', 'resources', 'proto'],
      'A generator gets the view; whatever else it needs belongs into the view.',
    ),
    only(
      'server',
      'server',
      ['resources', 'proto', 'support'],
      'The protocol knows resources, not the mesh: pass it through ResourceSource.',
    ),
    only('resources', 'resources', ['proto'], 'xds/*.ts is the contract between generator and server.'),
    only('proto', 'proto', [], 'Generated messages and their encoding need nothing of ours.'),
    only('inject', 'inject', ['model', 'support'], 'Bootstrap and injection make plain JSON.'),
    only(
      'admin',
      'admin',
      ['model', 'support', 'resources', 'proto'],
      'REST reads through the interfaces of src/admin/deps.ts.',
    ),
    only(
      'telemetry',
      'telemetry',
      ['model', 'support', 'resources'],
      'Metrics and logs are told; they do not ask.',
    ),
    {
      name: 'no-registry-imports-another',
      comment: 'What two registries share goes to src/support or the contract.',
      severity: 'error',
      from: { path: '^registries/([^/]+)/' },
      to: { path: '^registries/([^/]+)/', pathNot: '^registries/$1/' },
    },
    {
      name: 'no-circular',
      comment: 'Break the circle: a value flows one way.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-imports-test',
      comment: 'Move what the product needs out of test/.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'vendor-yaml',
      comment: 'Only these parse or print YAML.',
      severity: 'error',
      from: { path: '^(src/(mesh|sidecar|admin|model)|xds)/' },
      to: { path: 'node_modules/yaml/' },
    },
    {
      name: 'vendor-grpc',
      comment: 'gRPC stays in xds/server.',
      severity: 'error',
      from: { path: '^(src|registries|config)/|^xds/(?!server/)', pathNot: '^src/demo/' },
      to: { path: 'node_modules/@grpc/grpc-js/' },
    },
    {
      name: 'vendor-fastify',
      comment: 'REST stays in src/admin.',
      severity: 'error',
      from: { pathNot: '^(src/admin|test)/' },
      to: { path: 'node_modules/fastify/' },
    },
    {
      name: 'vendor-prom',
      comment: 'Metrics stay in src/telemetry.',
      severity: 'error',
      from: { pathNot: '^(src/telemetry|test)/' },
      to: { path: 'node_modules/(prom-client|pino|pino-pretty)/' },
    },
    {
      name: 'resolvable',
      comment: 'Every import resolves.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'xds/proto/gen'] },
    exclude: { path: ['^dist/'] },
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts', '.json'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
