/** "VMs" on one machine: network namespaces on a bridge of their own; the machine's own network is not touched. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { App, AppSpec } from '../support/apps.ts'
import type { Cleanup } from '../support/cleanup.ts'
import type { Answer } from '../support/clients.ts'
import type { Request } from '../support/requests.ts'
import type { Envelope, Order, Reply } from './agent.ts'

export interface Host {
  readonly name: string
  readonly ip: string
  /** `ip netns exec NAME`: a command so prefixed runs in it, with the same pid. */
  readonly prefix: readonly string[]
  app(spec: AppSpec): Promise<Pick<App, 'address' | 'port'>>
  request(request: Request): Promise<Answer>
  get(url: string): Promise<{ status: number; body: string }>
}

/** The group that sidecars run as: its traffic is not redirected (Istio's is 1337 too). */
export const sidecarGroup = 1337

/** Throws, with the remedy, where this machine can't make namespaces: the suite then fails, it never skips. */
export function requireTools(): void {
  if (process.getuid?.() !== 0)
    throw new Error('Network namespaces need root: run the suite as root (sudo npm run test:netns).')
  const needs = { ip: 'iproute2', nft: 'nftables', setpriv: 'util-linux' }
  for (const [tool, debian] of Object.entries(needs)) {
    try {
      execFileSync(tool, ['--version'], { stdio: 'ignore' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') continue
      throw new Error(`${tool} is missing: install it (Debian: apt-get install ${debian}).`)
    }
  }
}

/** Makes the namespaces `names` on one bridge, addresses 10.99.0.1 and so on; all is removed with the house. */
export async function makeHosts<Name extends string>(
  house: Cleanup,
  names: readonly Name[],
): Promise<Record<Name, Host>> {
  const id = process.pid
  const lan = `ph${id}-lan`
  addNamespace(house, lan)
  ip('-n', lan, 'link', 'add', 'br0', 'type', 'bridge')
  ip('-n', lan, 'link', 'set', 'br0', 'up')
  const hosts = names.map((name, index) => {
    const namespace = `ph${id}-${name}`
    const address = `10.99.0.${index + 1}`
    addNamespace(house, namespace)
    ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', `p-${name}`, 'netns', lan)
    ip('-n', lan, 'link', 'set', `p-${name}`, 'master', 'br0', 'up')
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    // Virtual addresses need a way out, or connect() fails before the packet is redirected.
    ip('-n', namespace, 'route', 'add', 'default', 'dev', 'eth0')
    return [name, startHost(house, namespace, name, address)] as const
  })
  return Object.fromEntries(hosts) as Record<Name, Host>
}

/** What `istio-iptables` does, in nftables: all TCP out to 15001, all TCP in to 15006, the sidecar's own excepted. */
export function redirect(host: Host): void {
  const rules = `
table ip pilothouse {
  chain output {
    type nat hook output priority -100;
    meta skgid ${sidecarGroup} return
    oifname "lo" return
    meta l4proto tcp redirect to :15001
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    iifname "lo" return
    tcp dport { 15001, 15006, 15021, 15090 } return
    meta l4proto tcp redirect to :15006
  }
}`
  const [command, ...args] = [...host.prefix, 'nft', '-f', '-']
  execFileSync(command!, args, { input: rules })
}

function addNamespace(house: Cleanup, name: string): void {
  ip('netns', 'add', name)
  house.add(name, () => ip('netns', 'del', name))
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function startHost(house: Cleanup, namespace: string, name: string, address: string): Host {
  const prefix = ['ip', 'netns', 'exec', namespace]
  const agent = fileURLToPath(new URL('./agent.ts', import.meta.url))
  const child = spawn('ip', [...prefix.slice(1), process.execPath, agent], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  house.add(child, (it) => it.kill('SIGKILL'))
  const order = talk(child, name)
  return {
    name,
    ip: address,
    prefix,
    app: (spec) => order({ do: 'app', spec: { address: '0.0.0.0', ...spec } }) as Promise<App>,
    request: (request) => order({ do: 'request', request }) as Promise<Answer>,
    get: (url) => order({ do: 'get', url }) as Promise<{ status: number; body: string }>,
  }
}

function talk(child: ChildProcess, name: string): (order: Order) => Promise<unknown> {
  const waiting = new Map<number, (reply: Reply) => void>()
  let next = 1
  child.on('message', ({ id, content }: Envelope<Reply>) => {
    waiting.get(id)?.(content)
    waiting.delete(id)
  })
  child.once('exit', () => {
    for (const answer of waiting.values()) answer({ error: `the agent of ${name} has ended` })
  })
  return (content) =>
    new Promise((resolve, reject) => {
      const id = next++
      waiting.set(id, (reply) =>
        'error' in reply ? reject(new Error(`${name}: ${reply.error}`)) : resolve(reply.value),
      )
      child.send({ id, content } satisfies Envelope<Order>)
    })
}
