// `npm run build`: dist/ becomes the package to publish (JavaScript, types, the bundle), dist/pilothouse.cjs the
// single file that needs nothing but Node 24.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const source = JSON.parse(readFileSync('package.json', 'utf8'))
const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  logLevel: 'warning',
  legalComments: 'none',
}
const define = { 'process.env.PILOTHOUSE_VERSION': JSON.stringify(source.version) }

rmSync('dist', { recursive: true, force: true })

// `overrides` count only where an application is installed, not where a package is: what one of them mends is inlined.
const inlined = ['eureka-js-client']
const dependencies = Object.fromEntries(
  Object.entries(source.dependencies).filter(([dependency]) => !inlined.includes(dependency)),
)

// The package: our own rooms in a few chunks, other libraries left to npm.
await build({
  ...common,
  entryPoints: { bin: 'src/bin.js', index: 'src/index.ts' },
  outdir: 'dist/lib',
  format: 'esm',
  splitting: true,
  external: Object.keys(dependencies),
  // What is inlined is CommonJS.
  banner: {
    js: `import { createRequire } from 'node:module';const require = createRequire(import.meta.url);`,
  },
  define,
})
chmodSync('dist/lib/bin.js', 0o755)
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

// The single file. CommonJS: an ESM bundle of @grpc/grpc-js fails.
await build({
  ...common,
  stdin: {
    contents: `import { main } from './src/cli/program.ts'\nmain(process.argv)`,
    resolveDir: '.',
    loader: 'ts',
  },
  outfile: 'dist/pilothouse.cjs',
  format: 'cjs',
  minifyWhitespace: true,
  banner: { js: readFileSync('src/bin.js', 'utf8').split('\n', 1)[0] },
  define: { ...define, 'import.meta.url': 'undefined' },
})
chmodSync('dist/pilothouse.cjs', 0o755)

const { name, version, description, license, type } = source
writeFileSync(
  'dist/package.json',
  `${JSON.stringify(
    {
      name,
      version,
      description,
      license,
      type,
      bin: { pilothouse: 'lib/bin.js' },
      exports: {
        '.': { types: './types/src/index.d.ts', default: './lib/index.js' },
        './package.json': './package.json',
      },
      // For the types alone: lib/ has no such imports left.
      imports: Object.fromEntries(
        Object.entries(source.imports).map(([from, to]) => [
          from.replace('/*', '/*.ts'),
          { types: to.replace(/^\.\//, './types/').replace('/*', '/*.d.ts') },
        ]),
      ),
      engines: { node: '>=24' },
      dependencies,
    },
    null,
    2,
  )}\n`,
)
for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md']) copyFileSync(file, `dist/${file}`)
