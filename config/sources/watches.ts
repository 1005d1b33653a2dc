/** Watches on directories: one for each directory (inotify has no recursion), and one for where symbolic links lead. */
import { basename, dirname, join } from 'node:path'
import { type FileSystem, isMissing } from './look.ts'

export interface Watches {
  /** The identity (device and inode) under which a directory is watched. */
  id(dir: string): string | undefined
  add(dir: string, id: string): void
  remove(dir: string): void
  /** Follow one name in its directory: the root itself, which may be a file or a link, or not be there yet. */
  name(path: string): void
  /** Follow the target of a symbolic link to a file, too. */
  link(path: string): Promise<void>
  unlink(path: string): void
  dirs(): readonly string[]
  stop(): void
}

export interface WatchEvents {
  /** `inPlace`: the content was written to; else the name came, went or was replaced. */
  onPath(path: string, inPlace: boolean): void
  /** No watch could be had (too many), or it broke: only the rescan is left. */
  onBlind(error: Error): void
}

interface Watch {
  /** '' once it is known to see nothing any more. */
  readonly id: string
  stop(): void
}

export function createWatches(fs: FileSystem, events: WatchEvents): Watches {
  const watches = new Map<string, Watch>()
  const targets = new Map<string, { readonly links: Set<string>; stop(): void }>()
  const targetOf = new Map<string, string>()
  /** Work that was under way when all was stopped must not open anything again. */
  let stopped = false
  let stopName = () => {}

  function start(
    dir: string,
    onName: (name: string | null, inPlace: boolean) => void,
    onError: (error: Error) => void,
  ): () => void {
    if (stopped) return () => {}
    try {
      return fs.watch(dir, (type, name) => onName(name, type === 'change'), onError)
    } catch (error) {
      onError(error as Error)
      return () => {}
    }
  }

  function unlink(path: string): void {
    const dir = targetOf.get(path)
    if (dir === undefined) return
    targetOf.delete(path)
    const target = targets.get(dir)
    target?.links.delete(path)
    if (target?.links.size === 0) {
      target.stop()
      targets.delete(dir)
    }
  }

  return {
    id: (dir) => watches.get(dir)?.id,
    add(dir, id) {
      watches.get(dir)?.stop()
      const watch = { id, stop: () => {} }
      watches.set(dir, watch)
      const onName = (name: string | null, inPlace: boolean) => {
        // Kubernetes swaps `..data`: every link of the directory may lead elsewhere now.
        if (name === null || name.startsWith('..')) events.onPath(dir, false)
        else if (!name.startsWith('.')) events.onPath(join(dir, name), inPlace)
        if (name !== basename(dir)) return
        // The directory itself was removed or moved: the system names it as if it were in itself. A new one of the same
        // name may get the same inode, and this watch must not pass for one on that.
        if (!inPlace) watch.id = ''
        events.onPath(dir, false)
      }
      const onError = (error: Error) => {
        watch.id = ''
        // Gone in the meantime, which its parent's watch tells; everything else is a lack of watches.
        if (!isMissing(error)) events.onBlind(error)
      }
      watch.stop = start(dir, onName, onError)
    },
    remove(dir) {
      watches.get(dir)?.stop()
      watches.delete(dir)
    },
    name(path) {
      stopName()
      const own = basename(path)
      // No watch on the parent (it may be missing too) is no loss: the root is looked for anyway.
      stopName = start(
        dirname(path),
        (name, inPlace) => {
          if (name === null || name === own || name.startsWith('..')) events.onPath(path, inPlace)
        },
        () => {},
      )
    },
    async link(path) {
      const dir = await fs.realpath(path).then(dirname, () => undefined)
      if (dir === targetOf.get(path)) return
      unlink(path)
      // Kubernetes never writes inside such a directory, it makes a new one.
      if (dir === undefined || basename(dir).startsWith('..')) return
      targetOf.set(path, dir)
      const known = targets.get(dir)
      if (known) known.links.add(path)
      else {
        const links = new Set([path])
        const onName = (name: string | null, inPlace: boolean) => {
          const all = [...links]
          if (name === basename(dir) && !inPlace) for (const link of all) unlink(link)
          for (const link of all) events.onPath(link, inPlace)
        }
        // Without it the rescan notices, as it would if the link led through further links.
        const stop = start(dir, onName, () => {})
        targets.set(dir, { links, stop })
      }
    },
    unlink,
    dirs: () => [...watches.keys()],
    stop() {
      stopped = true
      stopName()
      for (const watch of [...watches.values(), ...targets.values()]) watch.stop()
      watches.clear()
      targets.clear()
      targetOf.clear()
    },
  }
}
