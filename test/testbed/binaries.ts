/** How each server is built, and in which version. */
import { createHash } from 'node:crypto'
import { copyFile, cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cached, cached, tool } from './cache.ts'
import { ensureIptables } from './iptables.ts'
import { ensureKnot } from './knot.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

interface GoProgram {
  readonly version: string
  readonly package: string
  /** Of several programs: one that is there when all are. */
  readonly file?: string
  /** Set to the version when it is linked. */
  readonly versionVariable?: string
}

/** go.mod and go.sum of each are in modules/NAME: to change a version, change both. */
const goServers = {
  consul: { version: '1.22.3', package: 'github.com/hashicorp/consul' },
  nomad: { version: '1.11.2', package: 'github.com/hashicorp/nomad' },
  etcd: { version: '3.6.16', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { version: '1.36.3', package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  // Those of bridge networking: Nomad asks each for its version, and runs nothing where it has none.
  cni: {
    version: '1.10.0',
    package: 'tool',
    file: 'bridge',
    versionVariable: 'github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion',
  },
} as const satisfies Readonly<Record<string, GoProgram>>

/** The pom of each is in NAME, and its one class: the pom pins all versions. */
const jars = {
  eureka: { version: '4.3.0', source: 'Eureka.java' },
  'eureka-client': { version: '4.3.0', source: 'Application.java' },
} as const

type GoServer = keyof typeof goServers
type Jar = keyof typeof jars
export type BinaryName = GoServer | Jar | 'knot' | 'iptables'
export const binaryNames: readonly BinaryName[] = [
  'etcd',
  'eureka',
  'eureka-client',
  'knot',
  'iptables',
  'cni',
  'consul',
  'nomad',
  'kube-apiserver',
]

const building = new Map<BinaryName, Promise<string>>()

/**
 * The path of a server's binary, built first if need be. Eureka and its client: the jar; Knot: `sbin/knotd`; cni: the
 * plugin `bridge`, beside which the others are. Throws TestbedError.
 */
export function binary(name: BinaryName): Promise<string> {
  let path = building.get(name)
  if (!path) {
    path = ensure(name)
    building.set(name, path)
    path.catch(() => building.delete(name))
  }
  return path
}

async function ensure(name: BinaryName): Promise<string> {
  if (name === 'knot') return ensureKnot()
  if (name === 'iptables') return ensureIptables()
  return cached(name in jars ? await jar(name as Jar) : goServer(name as GoServer))
}

function goServer(name: GoServer): Cached {
  const { version, package: path, file, versionVariable }: GoProgram = goServers[name]
  const flags = `-s -w${versionVariable ? ` -X ${versionVariable}=v${version}` : ''}`
  return {
    name: `${name}-${version}`,
    file: file ?? name,
    build: async (home) => {
      const output = file ? `${home}/` : join(home, name)
      await tool({
        command: 'go',
        args: ['build', '-mod=readonly', '-trimpath', `-ldflags=${flags}`, '-o', output, path],
        cwd: join(here, 'modules', name),
        env: { GOFLAGS: '', GOWORK: 'off' },
        timeout: 3_000_000,
        remedy:
          'Install Go 1.25 or later (https://go.dev/dl/) and check the way to its module proxy (GOPROXY).',
      })
    },
  }
}

/** A jar is cached by what it is made of. */
async function jar(name: Jar): Promise<Cached> {
  const { version, source } = jars[name]
  const project = join(here, name)
  const hash = createHash('sha256')
  for (const file of ['pom.xml', `src/main/java/pilothouse/testbed/${source}`])
    hash.update(await readFile(join(project, file)))
  return {
    name: `${name}-${version}-${hash.digest('hex').slice(0, 8)}`,
    file: `${name}.jar`,
    build: async (home, work) => {
      await cp(project, join(work, 'project'), { recursive: true })
      await tool({
        command: 'mvn',
        args: ['-B', '-q', 'package'],
        cwd: join(work, 'project'),
        timeout: 900_000,
        remedy:
          'Install a JDK 17 or later and Maven 3.8 or later (Debian: apt install maven default-jdk-headless) and check the way to Maven Central.',
      })
      await copyFile(join(work, 'project', 'target', `${name}.jar`), join(home, `${name}.jar`))
    },
  }
}
