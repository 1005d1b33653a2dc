/** Programs from Debian's packages, unpacked into the cache: nothing is installed, no root is needed. */
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { exists, tool } from './cache.ts'

export interface Packages {
  readonly names: readonly string[]
  /** What to do where they can't be had. */
  readonly remedy: string
}

/** Puts their `sbin` and `lib` into `home`. */
export async function unpack({ names, remedy }: Packages, home: string, work: string): Promise<void> {
  await download(names, work, remedy)
  const archives = (await readdir(work)).filter((name) => name.endsWith('.deb'))
  const root = join(work, 'root')
  for (const archive of archives)
    await tool({ command: 'dpkg-deb', args: ['-x', join(work, archive), root], remedy })
  // Some libraries are in /lib, the others in /usr/lib.
  for (const part of ['usr', ''])
    for (const name of ['sbin', 'lib'].filter((each) => part === 'usr' || each === 'lib'))
      if (await exists(join(root, part, name)))
        await tool({ command: 'cp', args: ['-a', join(root, part, name), home], remedy })
}

async function download(names: readonly string[], directory: string, remedy: string): Promise<void> {
  const get = () => tool({ command: 'apt-get', args: ['download', '-q', ...names], cwd: directory, remedy })
  try {
    await get()
  } catch (error) {
    if (process.getuid?.() !== 0) throw error
    // A bare image has no lists of packages.
    await tool({ command: 'apt-get', args: ['update', '-q'], timeout: 300_000, remedy })
    await get()
  }
}

/** Where its shared libraries are. */
export function libraryDirectory(home: string): string {
  return join(home, 'lib', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu')
}

/** Where the system has `program` itself: on the path, or in /usr/sbin. */
export async function systemPaths(program: string): Promise<string[]> {
  const found: string[] = []
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(directory, program)
    if (directory.startsWith('/') && (await exists(path))) found.push(path)
  }
  return found
}
