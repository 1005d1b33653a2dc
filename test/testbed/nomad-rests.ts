/** What outlives a killed agent: its executors with their tasks, who keeps their logs, and the mounts of its allocations. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { tool } from './cache.ts'

export async function removeRests(directory: string): Promise<void> {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  for (const pid of processes) {
    const its = read(`/proc/${pid}/cmdline`).includes(`${directory}/`) || isIn(pid, directory)
    if (!its) continue
    for (const each of [...descendants(pid, processes), pid]) kill(Number(each))
  }
  const mounts = read('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`))
  for (const path of mounts.reverse()) {
    await tool({ command: 'umount', args: ['-l', path], remedy: 'Install util-linux.' })
  }
}

function isIn(pid: string, directory: string): boolean {
  try {
    return `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${directory}/`)
  } catch {
    return false
  }
}

function descendants(pid: string, processes: readonly string[]): string[] {
  const children = processes.filter(
    (each) => /^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${each}/stat`))?.[1] === pid,
  )
  return children.flatMap((child) => [...descendants(child, processes), child])
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
