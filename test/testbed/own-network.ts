/**
 * A test file in a network of its own: it is run again in a network namespace, so that all that its servers make there
 * (bridges, rules, addresses) is never the machine's, and goes with the last of their processes.
 */
import { spawnSync } from 'node:child_process'
import { TestbedError } from './cache.ts'

/** The address of `eth0` in it, the one interface that is not loopback; there is no way out. */
export const ownAddress = '10.98.0.1'

/** Names the process that is in a network of its own, for what it starts. */
const mark = 'PILOTHOUSE_OWN_NETWORK'
export const inOwnNetwork = (): boolean => process.env[mark] !== undefined

// A bridge without ports stands for a network card: every kernel that can run the tests has it. Nomad and the plugins
// keep names of namespaces and leases of addresses in /run.
const enter = `mount -t tmpfs tmpfs /run && ip link set lo up && ip link add eth0 type bridge &&
  ip addr add ${ownAddress}/24 dev eth0 && ip link set eth0 up && exec "$@"`

/**
 * At the top of a test file, before its tests: returns in a network of its own. What is outside of it ends here, with
 * what the tests end with. `before` runs outside, where there is a way to the internet.
 */
export async function enterOwnNetwork(before: () => Promise<unknown>): Promise<void> {
  if (inOwnNetwork()) return
  if (process.getuid?.() !== 0)
    throw new TestbedError('a network namespace wants to be root', 'Run these tests as root, e.g. by sudo.')
  await before()
  const args = ['--net', '--mount', '--', 'setpriv', '--pdeathsig', 'KILL', 'sh', '-c', enter, 'sh']
  const { status, error } = spawnSync(
    'unshare',
    [...args, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [mark]: '1' } },
  )
  if (error)
    throw new TestbedError(`unshare: ${error.message}`, 'Install util-linux and iproute2.', { cause: error })
  process.exit(status ?? 1)
}
