/** Knot DNS (https://www.knot-dns.cz): the system's own, or Debian's packages unpacked into the cache. */
import { join } from 'node:path'
import { type Cached, cached, cacheRoot, TestbedError, tool } from './cache.ts'
import { libraryDirectory, systemPaths, unpack } from './debian.ts'

/** Debian 12's: a distribution keeps one version of each package, so it is the distribution that pins it. */
const version = '3.2.6'
/** Knot and those libraries that not every Debian has (what apt itself needs, each has). */
const packages = [
  ...['knot', 'libknot13', 'libdnssec9', 'libzscanner4', 'liblmdb0', 'liburcu8', 'libedit2', 'libcap-ng0'],
  ...['libxdp1', 'libbpf1', 'libelf1', 'libbsd0', 'libmd0'],
]
const remedy = 'On Debian 12: check the way to its archive (apt-get update). Elsewhere: install Knot DNS 3.'

export interface Knot {
  readonly knotd: string
  readonly knotc: string
  readonly env: Readonly<Record<string, string>>
}

/** The path of a knotd: of version 3 on the path, else the cached one. */
export async function ensureKnot(): Promise<string> {
  for (const path of await systemPaths('knotd'))
    if ((await tool({ command: path, args: ['-V'], remedy })).includes(', version 3.')) return path
  return cached(knot)
}

const knot: Cached = {
  name: `knot-${version}`,
  file: 'sbin/knotd',
  build: async (home, work) => {
    await unpack({ names: packages, remedy }, home, work)
    const said = await tool({
      command: join(home, 'sbin', 'knotd'),
      args: ['-V'],
      env: libraries(home),
      remedy,
    })
    if (!said.includes(version)) {
      throw new TestbedError(`Debian's Knot is "${said.trim()}", this testbed wants ${version}`, remedy)
    }
  },
}

/** The commands of the Knot whose knotd is at `path`. */
export function knotAt(path: string): Knot {
  const home = join(path, '..', '..')
  return {
    knotd: path,
    knotc: join(home, 'sbin', 'knotc'),
    env: home.startsWith(cacheRoot()) ? libraries(home) : {},
  }
}

const libraries = (home: string) => ({ LD_LIBRARY_PATH: libraryDirectory(home) })
