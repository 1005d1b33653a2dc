/** What is served beside the xDS streams, on the same connections and by the same calls (grpc/call.ts). */
import type { ResourceSource } from '../../resources.ts'
import { isLoopback } from '../address.ts'
import { type Admission, type Refusal, shuttingDown } from '../admission.ts'
import { fetchesOf } from '../fetch.ts'
import type { Call } from '../grpc/call.ts'
import { status } from '../grpc/status.ts'
import { xdsMethods } from '../services.ts'
import { csdsMethods, type Shown } from './csds.ts'
import { createHealth } from './health.ts'
import { createLoadReporting, type LoadDeps, type Loads } from './lrs.ts'
import type { Method } from './methods.ts'
import { reflectionMethods } from './reflection.ts'

export interface ServiceDeps extends LoadDeps {
  /** What is asked for once, by Fetch. */
  readonly polled: ResourceSource
  readonly admission: Admission
  readonly streams: () => Iterable<Shown>
  readonly refused: (peer: string, refusal: Refusal) => void
}

export interface Services {
  /** Takes the call of a method (`/package.Service/Method`) that is served here; undefined = it isn't. */
  methodOf(path: string): ((call: Call) => void) | undefined
  /** Tells those who watch the health; the result ends streams, each when it is called. */
  drain(): readonly (() => void)[]
  readonly loads: Loads
  close(): void
}

export function createServices(deps: ServiceDeps): Services {
  const methods = new Map<string, Method>()
  const open = new Map<Call, Method>()
  const names = (): readonly string[] => {
    const paths = [...xdsMethods.map(({ path }) => path), ...methods.keys()]
    return [...new Set(paths.map((path) => path.split('/')[1]!))].sort()
  }
  const health = createHealth(names, deps)
  const load = createLoadReporting(deps)
  for (const method of [
    ...health.methods,
    ...reflectionMethods(names, deps),
    ...csdsMethods(deps.streams, deps),
    ...load.methods,
    ...fetchesOf(deps.polled, deps),
  ])
    methods.set(method.path, method)

  function take(call: Call, method: Method): void {
    const refusal = refusalOf(call, method)
    if (refusal !== undefined) {
      deps.refused(call.peer, refusal)
      call.end(refusal.code, refusal.details)
      return
    }
    if (!method.stream) {
      method.take(call)
      return
    }
    const leave = deps.admission.enter(call.peer)
    open.set(call, method)
    const listen: Call['listen'] = (listener) =>
      call.listen({
        ...listener,
        gone() {
          leave()
          open.delete(call)
          listener.gone()
        },
      })
    method.take({ ...call, listen })
  }

  function refusalOf({ peer }: Call, { path, stream, localOnly }: Method): Refusal | undefined {
    if (localOnly && !isLoopback(peer)) {
      const details = `${path.split('/')[1]} answers clients on the Pilot's own host only`
      return { code: status.PERMISSION_DENIED, details }
    }
    return stream ? deps.admission.refusal(peer) : undefined
  }

  return {
    loads: load.loads,
    close: load.close,
    methodOf(path) {
      const method = methods.get(path)
      return method && ((call) => take(call, method))
    },
    drain() {
      health.drain()
      return [...open]
        .filter(([, { outlivesDrain }]) => !outlivesDrain)
        .map(
          ([call]) =>
            () =>
              call.end(shuttingDown.code, shuttingDown.details),
        )
    },
  }
}
