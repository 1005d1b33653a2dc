/** Knot DNS (https://www.knot-dns.cz): the system's own, or Debian's packages unpacked into the cache, for which no root is needed. */
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { type Cached, cached, cacheRoot, exists, TestbedError, tool } from './cache.ts'

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
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(directory, 'knotd')
    if (!directory.startsWith('/') || !(await exists(path))) continue
    if ((await tool({ command: path, args: ['-V'], remedy })).includes(', version 3.')) return path
  }
  return cached(knot)
}

const knot: Cached = {
  name: `knot-${version}`,
  file: 'sbin/knotd',
  build: async (home, work) => {
    await download(work)
    const archives = (await readdir(work)).filter((name) => name.endsWith('.deb'))
    const root = join(work, 'root')
    for (const archive of archives)
      await tool({ command: 'dpkg-deb', args: ['-x', join(work, archive), root], remedy })
    // Some libraries are in /lib, the others in /usr/lib.
    for (const part of ['usr', ''])
      for (const name of ['sbin', 'lib'].filter((each) => part === 'usr' || each === 'lib'))
        if (await exists(join(root, part, name)))
          await tool({ command: 'cp', args: ['-a', join(root, part, name), home], remedy })
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

async function download(directory: string): Promise<void> {
  const get = () =>
    tool({ command: 'apt-get', args: ['download', '-q', ...packages], cwd: directory, remedy })
  try {
    await get()
  } catch (error) {
    if (process.getuid?.() !== 0) throw error
    // A bare image has no lists of packages.
    await tool({ command: 'apt-get', args: ['update', '-q'], timeout: 300_000, remedy })
    await get()
  }
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

function libraries(home: string): Record<string, string> {
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return { LD_LIBRARY_PATH: join(home, 'lib', triple) }
}
