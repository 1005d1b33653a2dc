/** What the demo runs: its services and workloads, and the addresses and ports that are free for them here. */
import { createServer, type Server } from 'node:net'

export const services = ['web', 'reviews', 'ratings'] as const
export type ServiceName = (typeof services)[number]
export const namespace = 'demo'
export const hostOf = (service: ServiceName): string => `${service}.demo.mesh`
/** The port that clients call. */
export const servicePort = 80

/** One "VM": an application and a sidecar of its own, at a loopback address of its own. */
export interface DemoWorkload {
  readonly name: string
  readonly service: ServiceName
  readonly version: string
  /** The workload's address; its sidecar binds `ip:appPort` (inbound) and `ip:outboundPort` (explicit proxy). */
  readonly ip: string
  /** The application listens on 127.0.0.1:appPort, the sidecar on ip:appPort. */
  readonly appPort: number
  readonly outboundPort: number
  readonly adminPort: number
  /** What the application calls in its turn, by its sidecar. */
  readonly calls?: ServiceName
}

export interface DemoPlan {
  readonly xdsPort: number
  readonly adminPort: number
  readonly workloads: readonly DemoWorkload[]
  /** Lines to tell the user: which usual port is taken, and what is used instead. */
  readonly notes: readonly string[]
  /** Lets another demo have its addresses. */
  release(): void
}

const cast: readonly Pick<DemoWorkload, 'name' | 'service' | 'version' | 'calls'>[] = [
  { name: 'web-1', service: 'web', version: 'v1', calls: 'reviews' },
  { name: 'reviews-v1-1', service: 'reviews', version: 'v1', calls: 'ratings' },
  { name: 'reviews-v2-1', service: 'reviews', version: 'v2', calls: 'ratings' },
  { name: 'ratings-1', service: 'ratings', version: 'v1' },
  { name: 'reviews-v2-2', service: 'reviews', version: 'v2', calls: 'ratings' },
]
/** The explicit outbound proxy of interface.md; each workload has it at its own address. */
const outboundPort = 15002

/** Finds what is free. Throws where loopback has only 127.0.0.1 (macOS without aliases), with the remedy. */
export async function planDemo(): Promise<DemoPlan> {
  const { third, lock } = await claimNetwork()
  const taken = new Set<number>()
  const notes: string[] = []
  // Each demo looks from a place of its own on, so that two that start at once don't find the same ports.
  const port = async (usual: number, what?: string) => {
    const found = await freePort('127.0.0.1', usual + third * 1000, taken)
    taken.add(found)
    if (found !== usual && what)
      notes.push(`not on the usual port ${usual}, which is taken: ${what} on ${found}`)
    return found
  }
  const [xdsPort, adminPort] = [await port(15010, 'xDS'), await port(15014, 'REST')]
  const workloads: DemoWorkload[] = []
  for (const [index, member] of cast.entries()) {
    const ip = `127.0.${third}.${index + 11}`
    const [appPort, admin] = [await port(9101 + index), await port(9901 + index)]
    workloads.push({ ...member, ip, appPort, adminPort: admin, outboundPort })
  }
  return { xdsPort, adminPort, workloads, notes, release: () => lock.close() }
}

/** The first of 127.0.0 to 127.0.9 where no other demo is: who listens on its address 10 has it. */
async function claimNetwork(): Promise<{ third: number; lock: Server }> {
  for (let third = 0; third < 10; third++) {
    const lock = await listen(`127.0.${third}.10`, outboundPort)
    if (lock === 'EADDRNOTAVAIL') throw new Error(noLoopback)
    if (typeof lock === 'string') continue
    const all = cast.map(async (_, index) => isFree(`127.0.${third}.${index + 11}`, outboundPort))
    if ((await Promise.all(all)).every((free) => free)) return { third, lock }
    lock.close()
  }
  throw new Error(`port ${outboundPort} is taken on 127.0.0.10 to 127.0.9.15: stop the other demos`)
}

const noLoopback =
  'the demo needs the loopback addresses 127.0.0.10 to 127.0.0.15, which Linux has of itself. ' +
  'On macOS add them first: for i in 10 11 12 13 14 15; do sudo ifconfig lo0 alias 127.0.0.$i; done'

async function freePort(address: string, from: number, taken: ReadonlySet<number>): Promise<number> {
  for (let port = from; port < from + 500; port++)
    if (!taken.has(port) && (await isFree(address, port))) return port
  throw new Error(`no free port on ${address} from ${from} to ${from + 499}`)
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = await listen(host, port)
  if (typeof server === 'string') return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** A socket that listens, or the error's code. */
function listen(host: string, port: number): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })
}
