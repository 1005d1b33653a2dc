/** Is this process's output read by journald? (JOURNAL_STREAM, systemd.exec(5)) */
import { fstatSync } from 'node:fs'

/** The descriptor is the stream of which journald says so: not one that was sent elsewhere since. */
export function readByJournal(
  fd: number,
  env: Readonly<Record<string, string | undefined>>,
  stat: (fd: number) => { readonly dev: number; readonly ino: number } = fstatSync,
): boolean {
  const [device, inode] = (env.JOURNAL_STREAM ?? '').split(':')
  if (!device || !inode) return false
  try {
    const { dev, ino } = stat(fd)
    return String(dev) === device && String(ino) === inode
  } catch {
    return false
  }
}
