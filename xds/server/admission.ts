/** How many streams there may be, in all and from one address; of xDS and of the services beside it together. */
import { addressOf } from './address.ts'
import { status } from './grpc/status.ts'
import type { XdsLimits } from './limits.ts'

export interface Refusal {
  readonly code: status
  readonly details: string
}

export interface Admission {
  /** Why a stream of this peer (`address:port`) may not be opened now, if so. */
  refusal(peer: string): Refusal | undefined
  /** Counts one; the result counts it off, once. */
  enter(peer: string): () => void
  /** From now on everybody is refused. */
  end(): void
}

export const shuttingDown: Refusal = { code: status.UNAVAILABLE, details: 'this Pilot is shutting down' }

export function createAdmission({ maxStreams, maxStreamsPerPeer }: XdsLimits): Admission {
  const perAddress = new Map<string, number>()
  let total = 0
  let over = false

  return {
    refusal(peer) {
      if (over) return shuttingDown
      if (total >= maxStreams)
        return { code: status.RESOURCE_EXHAUSTED, details: `this Pilot serves ${maxStreams} streams at most` }
      if ((perAddress.get(addressOf(peer)) ?? 0) < maxStreamsPerPeer) return undefined
      const details = `one address may open ${maxStreamsPerPeer} streams at most`
      return { code: status.RESOURCE_EXHAUSTED, details }
    },
    enter(peer) {
      const address = addressOf(peer)
      total++
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        total--
        const others = perAddress.get(address)! - 1
        if (others === 0) perAddress.delete(address)
        else perAddress.set(address, others)
      }
    },
    end() {
      over = true
    },
  }
}
