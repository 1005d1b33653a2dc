/** What the demo runs: its services and workloads, and the addresses and ports that are free for them here. */
import { createServer } from 'node:net'

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
  const taken = new Set<number>()
  const notes: string[] = []
  const port = async (wanted: number, what?: string) => {
    const found = await freePort('127.0.0.1', wanted, taken)
    taken.add(found)
    if (found !== wanted && what) notes.push(`port ${wanted} is taken: ${what} is on ${found}`)
    return found
  }
  const xdsPort = await port(15010, 'xDS')
  const adminPort = await port(15014, 'REST')
  const network = await freeNetwork()
  const workloads: DemoWorkload[] = []
  for (const [index, member] of cast.entries()) {
    const ip = `${network}.${index + 11}`
    const [appPort, admin] = [await port(9101 + index), await port(9901 + index)]
    workloads.push({ ...member, ip, appPort, adminPort: admin, outboundPort })
  }
  return { xdsPort, adminPort, workloads, notes }
}

/** The first of 127.0.0 to 127.0.9 where nobody (another demo) is. */
async function freeNetwork(): Promise<string> {
  for (let third = 0; third < 10; third++) {
    const network = `127.0.${third}`
    const tried = await Promise.all(cast.map((_, index) => tryPort(`${network}.${index + 11}`, outboundPort)))
    const error = tried.find((each) => each !== undefined)
    if (error === undefined) return network
    if (error === 'EADDRNOTAVAIL') throw new Error(noLoopback(`${network}.11`))
  }
  throw new Error(`port ${outboundPort} is taken on 127.0.0.11 to 127.0.9.11: stop the other demos`)
}

const noLoopback = (ip: string) =>
  `${ip} is no address of this machine: the demo needs 127.0.0.11 to 127.0.0.15 on loopback, as Linux has them. ` +
  'On macOS add them first: for i in 11 12 13 14 15; do sudo ifconfig lo0 alias 127.0.0.$i; done'

async function freePort(address: string, wanted: number, taken: ReadonlySet<number>): Promise<number> {
  for (let port = wanted; port < wanted + 500; port++) {
    if (!taken.has(port) && (await tryPort(address, port)) === undefined) return port
  }
  throw new Error(`no free port on ${address} from ${wanted} to ${wanted + 499}`)
}

/** Undefined if it can be listened on, else the error's code. */
function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
