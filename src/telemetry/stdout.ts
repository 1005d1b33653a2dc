/** Lines to a file descriptor that must never stop the process: a full disk or a stuck reader costs lines, not the Pilot. */
import { writeSync } from 'node:fs'

/** A reader that is only slow gets this long, ms; after that lines are lost until it reads again. */
const PATIENCE = 100
const NAP = 5

/** The parts of `node:fs` that it uses; returns how many bytes were taken. */
export type WriteBytes = (fd: number, bytes: Uint8Array) => number

/**
 * Writes each line before it returns. What can't be written (ENOSPC, EPIPE, EAGAIN for too long) is lost, and the next
 * line that can be is preceded by one that says how many were. Never throws.
 */
export function lineWriter(fd: number, write: WriteBytes = writeSync): { write(line: string): void } {
  let rest: Uint8Array | undefined
  let lost = 0

  /** What is left of `bytes`. */
  function put(bytes: Uint8Array, patience: number): Uint8Array | undefined {
    let left = bytes
    for (let waited = 0; left.length > 0; )
      try {
        left = left.subarray(write(fd, left))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= patience) return left
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP)
        waited += NAP
      }
    return undefined
  }

  return {
    write(line) {
      if (rest) rest = put(rest, 0)
      if (rest) {
        lost++
        return
      }
      const note =
        lost > 0 ? `{"level":"warn","lost":${lost},"msg":"log lines were lost: nothing took them"}\n` : ''
      const bytes = Buffer.from(note + line)
      const left = put(bytes, PATIENCE)
      if (left === undefined) lost = 0
      // Half a line is ended when it can be; one that was not begun is lost.
      else if (left.length < bytes.length) {
        rest = left
        lost = 0
      } else lost++
    },
  }
}
