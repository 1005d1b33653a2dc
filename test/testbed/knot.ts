/** Knot DNS (https://www.knot-dns.cz) from Debian's packages, unpacked into the cache: nothing is installed, no root is needed. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cached, TestbedError, tool } from './cache.ts'

/** Debian 12's: a distribution keeps one version of each package, so it is the distribution that pins it. */
const version = '3.2.6'
const packages = [
  'knot',
  'libknot13',
  'libdnssec9',
  'libzscanner4',
  'liblmdb0',
  'liburcu8',
  'libedit2',
  'libcap-ng0',
]
const remedy =
  'On Debian 12: run `apt-get update` as root and check the way to the archive. Elsewhere put knotd and knotc 3.x on the path.'

export interface Knot {
  readonly knotd: string
  readonly knotc: string
  readonly env: Readonly<Record<string, string>>
}

/** `sbin/knotd` in the cache: either a system's own, by a script, or the unpacked one. */
export function knot(): Cached {
  return {
    name: `knot-${version}`,
    file: 'sbin/knotd',
    build: async (home, work) => {
      await tool({ command: 'apt-get', args: ['download', '-q', ...packages], cwd: work, remedy })
      const archives = (await readdir(work)).filter((name) => name.endsWith('.deb'))
      for (const archive of archives)
        await tool({ command: 'dpkg-deb', args: ['-x', join(work, archive), join(work, 'root')], remedy })
      await tool({ command: 'cp', args: ['-a', join(work, 'root', 'usr', '.'), home], remedy })
      const said = await tool({
        command: join(home, 'sbin', 'knotd'),
        args: ['-V'],
        env: libraries(home),
        remedy,
      })
      if (!said.includes(`${version}`)) {
        throw new TestbedError(`Debian's Knot is "${said.trim()}", this testbed wants ${version}`, remedy)
      }
      await writeFile(join(home, 'packages.txt'), `${archives.sort().join('\n')}\n`)
    },
  }
}

/** The commands of the Knot whose knotd is at `path`. */
export function knotAt(path: string): Knot {
  const home = join(path, '..', '..')
  return { knotd: path, knotc: join(home, 'sbin', 'knotc'), env: libraries(home) }
}

function libraries(home: string): Record<string, string> {
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return { LD_LIBRARY_PATH: join(home, 'lib', triple) }
}
