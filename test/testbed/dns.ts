/** A real DNS server (Knot) whose records a test changes while it runs. */
import { spawn } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import { ports } from './consul.ts'
import { type Knot, knotAt } from './knot.ts'
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
  const control = (commands: readonly string[]) => knotc(knot, socket, commands)
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
      return (await Promise.all(zones.map((zone) => resolver.resolveSoa(zone)))).length
    },
  })
  return withProcess(process, {
    ...{ address, port, server: `${address}:${port}` },
    ...changes(zones, control),
    async fail(on: boolean) {
      await configure(!on)
      const commands = zones.map((zone) => (on ? `zone-purge ${zone} +expire` : `zone-reload ${zone}`))
      await control(['reload', ...commands])
    },
  })
}

/** Gives what it says, errors as well: one command's error ends none of the others. */
function knotc(knot: Knot, socket: string, commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(knot.knotc, ['-f', '-s', socket, '-t', '20'], {
      env: { ...process.env, ...knot.env },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += chunk
      })
    }
    child.once('error', reject)
    child.once('close', () => resolve(said))
    child.stdin.end(`${commands.join('\n')}\n`)
  })
}

function changes(zones: readonly string[], control: (commands: readonly string[]) => Promise<string>) {
  const absolute = (name: string) => (name.endsWith('.') ? name : `${name}.`)
  const zoneOf = (name: string) => {
    const found = zones
      .filter((zone) => absolute(name) === `${zone}.` || absolute(name).endsWith(`.${zone}.`))
      .sort((one, other) => other.length - one.length)[0]
    if (!found) throw new TypeError(`${name} is in no zone of this server: ${zones.join(', ')}`)
    return found
  }
  /** All of it or nothing; what is not there can't be removed, which is no error here. */
  const transaction = async (zone: string, commands: readonly string[]) => {
    const said = await control([`zone-begin ${zone}`, ...commands])
    const errors = said
      .split('\n')
      .filter((line) => /^(error|warning|fatal)/.test(line) && !/no such|not exists/.test(line))
    await control([`${errors.length > 0 ? 'zone-abort' : 'zone-commit'} ${zone}`])
    if (errors.length > 0) throw new Error(`the DNS server refuses it: ${errors.join('; ')}`)
  }
  const unset = (zone: string, name: string, type = '') => `zone-unset ${zone} ${absolute(name)} ${type}`
  const set = async (records: readonly DnsRecord[]) => {
    for (const [zone, all] of Map.groupBy(records, (record) => zoneOf(record.name))) {
      const commands = all.flatMap(({ name, type, ttl = 1, values }) => [
        unset(zone, name, type),
        ...values.map((value) => `zone-set ${zone} ${absolute(name)} ${ttl} ${type} '${value}'`),
      ])
      await transaction(zone, commands)
    }
  }
  return {
    set,
    update: (name: string, type: DnsRecord['type'], ttl: number, values: readonly string[]) =>
      set([{ name, type, ttl, values }]),
    remove: (name: string, type?: DnsRecord['type']) => {
      const zone = zoneOf(name)
      return transaction(zone, [unset(zone, name, type)])
    },
  }
}
