/** What `npm run build` makes is installed and started as a stranger would: the package, and the single file. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { freePort } from '../support/ports.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-package-'))
const node24 = path.resolve('node_modules/node/bin/node')
const node = existsSync(node24) ? node24 : process.execPath

const service = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: orders, namespace: default }
spec:
  hosts: [orders.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`

before(() => {
  execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' })
  mkdirSync(path.join(dir, 'mesh'))
  writeFileSync(path.join(dir, 'mesh', 'orders.yaml'), service)
})
after(() => rmSync(dir, { recursive: true, force: true }))

function kubeconfig(server: string): string {
  const file = path.join(dir, 'kubeconfig.json')
  const config = {
    clusters: [{ name: 'nobody', cluster: { server } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'nobody', context: { cluster: 'nobody', user: 'nobody' } }],
    'current-context': 'nobody',
  }
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }))
  return file
}

/** Starts `pilothouse serve`, waits until it is ready, returns what it knows, and stops it as systemd does. */
async function serveOnce(script: string) {
  const [xds, admin] = [await freePort(), await freePort()]
  const nobody = `http://127.0.0.1:${await freePort()}`
  const files = [
    '--files',
    path.join(dir, 'mesh'),
    '--kubeconfig',
    kubeconfig(nobody.replace('http:', 'https:')),
  ]
  const others = ['consul', 'nomad', 'eureka'].flatMap((kind) => [`--${kind}`, nobody])
  const args = [script, 'serve', ...files, ...others, '--xds-address', `127.0.0.1:${xds}`]
  const child = spawn(node, [...args, '--admin-address', `127.0.0.1:${admin}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: dir,
    env: { ...process.env, PILOTHOUSE_STARTUP_GRACE: '3s' },
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const get = (at: string) => fetch(`http://127.0.0.1:${admin}${at}`)
  for (
    let tries = 0;
    !(await get('/ready').then(
      (r) => r.ok,
      () => false,
    ));
    tries++
  ) {
    assert.ok(tries < 800 && child.exitCode === null, `not ready: ${output}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  const known = (await (await get('/debug/registryz')).json()) as {
    services: { hostname: string }[]
    registries: { kind: string; error?: { code: string } }[]
  }
  // Each registry's client could be loaded, and found nobody there.
  const remote = known.registries.filter(({ kind }) => kind !== 'file' && kind !== 'autoregistration')
  const told = remote.map(({ kind, error }) => `${kind} ${error?.code}`).sort()
  child.kill('SIGTERM')
  assert.equal(await closed, 0, output)
  assert.deepEqual(
    told,
    ['consul', 'eureka', 'kubernetes', 'nomad'].map((kind) => `${kind} PH3001`),
    output,
  )
  return known.services.map((s) => s.hostname)
}

test('the package installs, types check, and it serves', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  execFileSync('npm', ['pack', '--silent', '--pack-destination', dir, './dist'])
  const app = path.join(dir, 'app')
  mkdirSync(app)
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  execFileSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--silent', path.join(dir, `pilothouse-${version}.tgz`)],
    {
      cwd: app,
    },
  )
  const bin = path.join(app, 'node_modules/pilothouse/lib/bin.js')
  assert.equal(execFileSync(node, [bin, '--version'], { encoding: 'utf8' }).trim(), version)
  assert.deepEqual(await serveOnce(bin), ['orders.example'])

  // The xDS server and its in-memory source are a library, too.
  writeFileSync(
    path.join(app, 'app.ts'),
    `import { createMemorySource, createXdsServer } from 'pilothouse'
const server = createXdsServer({ source: createMemorySource() })
const { port }: { port: number } = await server.listen('127.0.0.1:0')
console.log(port > 0)
await server.close()
`,
  )
  execFileSync(
    path.resolve('node_modules/.bin/tsc'),
    [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      '--typeRoots',
      path.resolve('node_modules/@types'),
      'app.ts',
    ],
    { cwd: app, stdio: 'inherit' },
  )
  assert.equal(execFileSync(node, ['app.ts'], { cwd: app, encoding: 'utf8' }).trim(), 'true')
})

test('the single file serves with nothing beside it', async () => {
  const alone = path.join(dir, 'alone')
  mkdirSync(alone)
  copyFileSync('dist/pilothouse.cjs', path.join(alone, 'pilothouse.cjs'))
  assert.deepEqual(await serveOnce(path.join(alone, 'pilothouse.cjs')), ['orders.example'])
})
