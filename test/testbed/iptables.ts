/** iptables (https://netfilter.org), for the bridges of Nomad: the system's own, or Debian's packages unpacked into the cache. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Cached, cached, TestbedError, tool } from './cache.ts'
import { libraryDirectory, systemPaths, unpack } from './debian.ts'

/** Debian 12's. */
const version = '1.8.9'
const packages = ['iptables', 'libxtables12', 'libnftnl11', 'libmnl0']
const remedy = 'On Debian 12: check the way to its archive (apt-get update). Elsewhere: install iptables.'

/** The path of an iptables that runs in any environment, beside its ip6tables. */
export async function ensureIptables(): Promise<string> {
  const [path] = await systemPaths('iptables')
  return path ?? cached(iptables)
}

const iptables: Cached = {
  name: `iptables-${version}`,
  file: 'bin/iptables',
  build: async (home, work) => {
    await unpack({ names: packages, remedy }, home, work)
    await mkdir(join(home, 'bin'))
    for (const name of ['iptables', 'ip6tables'])
      await writeFile(join(home, 'bin', name), script(name, relative(home, libraryDirectory(home))), {
        mode: 0o755,
      })
    const said = await tool({ command: join(home, 'bin', 'iptables'), args: ['-V'], remedy })
    if (!said.includes(version))
      throw new TestbedError(`Debian's iptables is "${said.trim()}", this testbed wants ${version}`, remedy)
  },
}

/** It finds its own libraries, so that who calls it needs nothing but its path. */
const script = (name: string, libraries: string) => `#!/bin/sh
home=\${0%/bin/*}
export LD_LIBRARY_PATH="$home/${libraries}" XTABLES_LIBDIR="$home/${libraries}/xtables"
exec "$home/sbin/xtables-nft-multi" ${name} "$@"
`
