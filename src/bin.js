#!/usr/bin/env -S node --max-semi-space-size=8 --initial-old-space-size=96 --v8-pool-size=1
// The `pilothouse` command. Plain JavaScript, so that an old Node can read it and say what is wrong.
// The young generation (MiB) is kept small: V8 takes 16 by default, of which a control plane has a third more memory and
// no time saved. The old one is first looked through at 96 MiB: by V8's own rule that falls into the arrival of the first
// hundred sidecars, which takes a third more CPU with it. One thread helps V8 to compile and to collect, where Node has
// four: on two cores these kept the first change after a fleet's arrival waiting for twice as long.
// In a clone it runs the sources as they are (Node 24 strips the types); `npm run build` makes the package.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'

const major = Number(process.versions.node.split('.')[0])
const ownNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

if (major >= 24) {
  // In a clone the stripped and compiled sources are kept: half the time of a start.
  const cache = new URL('../node_modules/.cache/pilothouse', import.meta.url)
  if (import.meta.url.endsWith('/src/bin.js')) module.enableCompileCache?.(fileURLToPath(cache))
  const { main } = await import('./cli/program.ts')
  await main(process.argv)
} else if (existsSync(ownNode)) {
  // A clone has Node 24 among its devDependencies: `npx pilothouse` works where the path has an older one.
  const flags = ['--max-semi-space-size=8', '--initial-old-space-size=96', '--v8-pool-size=1']
  const child = spawn(ownNode, [...flags, ...process.argv.slice(1)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  // A terminal's Ctrl-C reaches the child by itself; twice would mean "at once".
  const terminal = [0, 1, 2].some((fd) => isatty(fd))
  process.on('SIGINT', () => terminal || child.kill('SIGINT'))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
} else {
  console.error(`pilothouse needs Node 24 or later; this is ${process.version}.`)
  console.error(
    'Install Node 24 (https://nodejs.org), or run `npm install` in the clone, which brings its own.',
  )
  process.exitCode = 2
}
