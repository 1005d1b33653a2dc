/** This package's version: written into a build by the bundler, read from package.json in a clone. */
import { readFileSync } from 'node:fs'

export function version(): string {
  const built = process.env.PILOTHOUSE_VERSION
  if (built) return built
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
