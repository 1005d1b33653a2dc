/** `node test/testbed/install.ts [NAME…]`: builds what is not in the cache yet and says what was done. */
import { stat } from 'node:fs/promises'
import { type BinaryName, binary, binaryNames } from './binaries.ts'

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !binaryNames.some((each) => each === name))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${binaryNames.join(', ')}`)
  process.exit(2)
}
let failed = false
// One after the other: a Go build takes all processors, and gigabytes of memory.
for (const name of asked.length > 0 ? (asked as BinaryName[]) : binaryNames) {
  const started = performance.now()
  try {
    const path = await binary(name)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${name.padEnd(15)} ${seconds.padStart(7)} s  ${megabytes(await stat(path))} MB  ${path}`)
  } catch (error) {
    failed = true
    console.error(`${name.padEnd(15)}  failed: ${(error as Error).message}`)
  }
}
process.exitCode = failed ? 1 : 0

function megabytes({ size }: { size: number }): string {
  return (size / 1e6).toFixed(0).padStart(4)
}
