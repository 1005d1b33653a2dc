/** A real DNS server (Knot) whose records a test changes while it runs. */
import { Resolver } from 'node:dns/promises'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import { tool } from './cache.ts'
import { ports } from './consul.ts'
import { knotAt } from './knot.ts'
import { launch, type ServerProcess, serverDirectory, withProcess } from './process.ts'

export interface DnsOptions {
  /** Zones it has authority for, default `test`. A name outside of them is REFUSED. */
  readonly zones?: readonly string[]
  /** TTL of negative answers (the SOA's minimum), seconds; default 1. */
  readonly negativeTtl?: number
  readonly address?: string
}

/** `values` in a zone file's words: A `10.0.0.1`, SRV `0 10 8080 a.test.`, TXT `"x=y"`. */
export interface DnsRecord {
  /** With or without the last dot. */
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'TXT' | 'NS'
  /** Seconds, default 1. */
  readonly ttl?: number
  readonly values: readonly string[]
}

export interface DnsServer extends ServerProcess {
  readonly address: string
  /** UDP and TCP. */
  readonly port: number
  /** `ADDRESS:PORT`, as dns.setServers and c-ares want it. */
  readonly server: string
  /** Replaces these names' records of these types, all at once. No values: the record set goes. */
  set(records: readonly DnsRecord[]): Promise<void>
  /** `set` of one. */
  update(name: string, type: DnsRecord['type'], ttl: number, values: readonly string[]): Promise<void>
  /** Takes a name's records of one type, or all of the name (then NXDOMAIN). */
  remove(name: string, type?: DnsRecord['type']): Promise<void>
  /** true: SERVFAIL for every name of its zones; false: as before. */
  fail(on: boolean): Promise<void>
}

export async function startDns(options: DnsOptions = {}): Promise<DnsServer> {
  const { zones = ['test'], negativeTtl = 1, address = '127.0.0.1' } = options
  const knot = knotAt(await binary('knot'))
  const directory = serverDirectory('dns')
  const [port] = (await ports(1, address)) as [number]
  const socket = join(directory, 'knot.sock')
  const data = join(directory, 'data')
  const configuration = (withZones: boolean) =>
    [
      'server:',
      `    listen: ${address}@${port}`,
      `    rundir: ${directory}`,
      '    udp-workers: 1',
      '    tcp-workers: 1',
      '    background-workers: 1',
      'control:',
      `    listen: ${socket}`,
      'log:',
      '  - target: stderr',
      '    any: info',
      'database:',
      `    storage: ${data}`,
      'zone:',
      ...zones.flatMap((zone) => [
        `  - domain: ${zone}`,
        `    storage: ${data}${withZones ? '' : '/none'}`,
        '    zonefile-sync: 0',
        '    zonefile-load: whole',
      ]),
      '',
    ].join('\n')
  const configure = (withZones: boolean) => writeFile(join(directory, 'knot.conf'), configuration(withZones))
  const control = (...args: string[]) =>
    tool({
      command: knot.knotc,
      args: ['-s', socket, '-t', '20', ...args],
      env: knot.env,
      remedy: 'See the log.',
    })
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([`${address}:${port}`])
  await configure(true)
  const process = await launch(directory, {
    name: `dns-${port}`,
    env: knot.env,
    command: async () => {
      for (const zone of zones) {
        const soa = `${zone}. 1 SOA ns.${zone}. host.${zone}. 1 3600 600 86400 ${negativeTtl}`
        const text = `${soa}\n${zone}. 1 NS ns.${zone}.\nns.${zone}. 1 A ${address}\n`
        await writeFile(join(data, `${zone}.zone`), text, { flag: 'wx' }).catch(() => undefined)
      }
      return [knot.knotd, '-c', join(directory, 'knot.conf')]
    },
    ready: async () => {
      await control('status')
      return (await Promise.all(zones.map((zone) => resolver.resolveSoa(zone)))).length
    },
  })
  return withProcess(process, {
    ...{ address, port, server: `${address}:${port}` },
    ...changes(zones, control),
    async fail(on: boolean) {
      await configure(!on)
      await control('reload')
      for (const zone of zones)
        await control('-f', ...(on ? ['zone-purge', '+expire', zone] : ['zone-reload', zone]))
    },
  })
}

function changes(zones: readonly string[], control: (...args: string[]) => Promise<string>) {
  const absolute = (name: string) => (name.endsWith('.') ? name : `${name}.`)
  const zoneOf = (name: string) => {
    const found = zones
      .filter((zone) => absolute(name) === `${zone}.` || absolute(name).endsWith(`.${zone}.`))
      .sort((one, other) => other.length - one.length)[0]
    if (!found) throw new TypeError(`${name} is in no zone of this server: ${zones.join(', ')}`)
    return found
  }
  const transaction = async (zone: string, change: () => Promise<void>) => {
    await control('zone-begin', zone)
    try {
      await change()
      await control('zone-commit', zone)
    } catch (error) {
      await control('zone-abort', zone)
      throw error
    }
  }
  /** What is not there can't be removed: that is no error here. */
  const unset = (zone: string, name: string, type?: string) =>
    control('zone-unset', zone, absolute(name), ...(type ? [type] : [])).catch((error: Error) => {
      if (!/no such|not exist|OUT_OF_ZONE/i.test(error.message)) throw error
    })
  const set = async (records: readonly DnsRecord[]) => {
    const byZone = Map.groupBy(records, (record) => zoneOf(record.name))
    for (const [zone, all] of byZone) {
      await transaction(zone, async () => {
        for (const { name, type, ttl = 1, values } of all) {
          await unset(zone, name, type)
          for (const value of values)
            await control('zone-set', zone, absolute(name), String(ttl), type, value)
        }
      })
    }
  }
  return {
    set,
    update: (name: string, type: DnsRecord['type'], ttl: number, values: readonly string[]) =>
      set([{ name, type, ttl, values }]),
    remove: (name: string, type?: DnsRecord['type']) => {
      const zone = zoneOf(name)
      return transaction(zone, async () => {
        await unset(zone, name, type)
      })
    },
  }
}
