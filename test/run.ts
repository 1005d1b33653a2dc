/**
 * Runs the named suites with node:test and prints `N passed, N failed` last.
 *   node test/run.ts unit e2e [-- name of a file]
 * Exit 1 if a test failed, or if a suite had none: what can't run must not pass in silence.
 *
 * Properties (fast-check) see the same inputs each time, so that a run says something of the code alone.
 * SEED=$RANDOM shows them others.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import fc from 'fast-check'

interface Suite {
  readonly files: readonly string[]
  readonly not?: readonly string[]
  /** `none`: all files in this process (pure code, seconds); `process`: one process a file. */
  readonly isolation: 'none' | 'process'
  /** Milliseconds for one test. */
  readonly timeout: number
  /** A script that must succeed before. */
  readonly before?: string
}

const suites: Readonly<Record<string, Suite>> = {
  unit: {
    files: ['test/*/**/*.test.ts'],
    not: ['test/{e2e,netns,package,bench,testbed,real}/**'],
    isolation: 'none',
    timeout: 30_000,
  },
  package: { files: ['test/package/*.test.ts'], isolation: 'process', timeout: 240_000 },
  e2e: { files: ['test/e2e/*.test.ts'], isolation: 'process', timeout: 600_000 },
  netns: { files: ['test/netns/*.test.ts'], isolation: 'process', timeout: 300_000 },
  // Real registries (test/testbed): what is not in the user's cache is built first, so that no test has a build in it.
  registries: {
    files: ['test/testbed/*.test.ts', 'test/real/**/*.test.ts'],
    isolation: 'process',
    timeout: 180_000,
    before: 'test/testbed/install.ts',
  },
}

async function runSuite(name: string, suite: Suite, only: string | undefined) {
  const files = globSync([...suite.files], { exclude: [...(suite.not ?? [])] })
    .filter((file) => only === undefined || file.includes(only))
    .sort()
  const counts = { passed: 0, failed: 0 }
  if (suite.before && spawnSync(process.execPath, [suite.before], { stdio: 'inherit' }).status !== 0) {
    console.log(`suite ${name}: ${suite.before} failed`)
    return { passed: 0, failed: 1 }
  }
  const stream = run({
    files,
    isolation: suite.isolation,
    timeout: suite.timeout,
    ...(suite.isolation === 'process' ? { concurrency: 1 } : {}),
  })
  stream.on('test:pass', (event) => {
    if (event.details.type !== 'suite' && !event.skip && !event.todo) counts.passed++
  })
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') counts.failed++
  })
  await new Promise<void>((resolve) => {
    stream.on('end', resolve)
    stream.compose(new spec()).pipe(process.stdout, { end: false })
  })
  if (counts.passed + counts.failed === 0) {
    console.log(`suite ${name}: no test ran`)
    counts.failed++
  }
  return counts
}

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) })
const args = process.argv.slice(2)
const split = args.indexOf('--')
const names = split < 0 ? args : args.slice(0, split)
const only = split < 0 ? undefined : args[split + 1]
const total = { passed: 0, failed: 0 }
for (const name of names.length > 0 ? names : ['unit']) {
  const suite = suites[name]
  if (!suite) throw new Error(`unknown suite ${name}; there are ${Object.keys(suites).join(', ')}`)
  const started = performance.now()
  const counts = await runSuite(name, suite, only)
  console.log(`suite ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
  total.passed += counts.passed
  total.failed += counts.failed
}
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed > 0 ? 1 : 0)
