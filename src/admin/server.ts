/** The admin server: REST over the model and the streams. Read-only but for one path; binds where it is told, and nowhere else. */
import type { AddressInfo } from 'node:net'
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
  fastify,
} from 'fastify'
import type { AdminDeps } from './deps.ts'
import { AdminError } from './errors.ts'
import { hostAllowed, isLoopback } from './host-check.ts'
import type { Routes } from './reply.ts'
import { configDumpRoutes } from './routes/config-dump.ts'
import { configRoutes } from './routes/configs.ts'
import { discoveryRoutes } from './routes/discovery.ts'
import { eventRoutes } from './routes/events.ts'
import { indexRoutes } from './routes/index.ts'
import { loadRoutes } from './routes/load.ts'
import { processRoutes } from './routes/process.ts'
import { proxyRoutes } from './routes/proxies.ts'
import { serviceRoutes } from './routes/services.ts'
import { lazyValidator } from './validation.ts'

export interface Admin {
  /**
   * Starts to answer on `host:port` (`[::1]:15014` for IPv6; port 0 takes a free one).
   * @throws the socket's error, e.g. EADDRINUSE
   */
  listen(address: string): Promise<{ readonly address: string; readonly port: number }>
  /** Ends event streams and lets answers be read to their end, those of slow clients for `graceMs` (default 1000). */
  close(graceMs?: number): Promise<void>
  /** For tests: the server without a socket. */
  readonly inject: FastifyInstance['inject']
}

export function createAdmin(deps: AdminDeps): Admin {
  const app = newApp()
  let loopback = true
  guard(app, deps, () => loopback)
  addRoutes(app, deps)
  return {
    async listen(address) {
      const { host, port } = parseAddress(address)
      loopback = isLoopback(host)
      await app.listen({ host, port })
      const bound = app.server.address() as AddressInfo
      return { address: bound.address, port: bound.port }
    },
    async close(graceMs = 1000) {
      const forced = setTimeout(() => app.server.closeAllConnections(), graceMs)
      await app.close()
      clearTimeout(forced)
    },
    inject: app.inject.bind(app) as FastifyInstance['inject'],
  }
}

/**
 * Instead of the framework's own compilers, whose loading takes longer than all the rest: parameters are checked by
 * ./validation.ts, answers written by JSON.stringify (the schemas of answers only document).
 */
const compilers = {
  buildValidator: () => lazyValidator,
  buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
}

type Compilers = NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']

function newApp(): FastifyInstance {
  return fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    schemaController: { compilersFactory: compilers as unknown as Compilers },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: 30_000,
    routerOptions: { ignoreTrailingSlash: true },
    // A path that is none (`/%zz`) reaches no error handler.
    frameworkErrors: (thrown, _request, reply) => {
      const error = asAdminError(thrown)
      const answer: FastifyReply = reply
      answer.code(error.statusCode).send(error.toJSON())
    },
  })
}

function addRoutes(app: FastifyInstance, deps: AdminDeps): void {
  let document: Promise<object> | undefined
  const all: readonly Routes[] = [
    indexRoutes(() => (document ??= openapi(deps))),
    processRoutes,
    serviceRoutes,
    configRoutes,
    proxyRoutes,
    configDumpRoutes,
    loadRoutes,
    eventRoutes,
    discoveryRoutes,
  ]
  for (const routes of all) routes(app, deps)
}

function guard(app: FastifyInstance, { log }: AdminDeps, loopback: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('cache-control', 'no-store')
    if (loopback() && !request.url.startsWith('/v3/discovery:') && !hostAllowed(request.headers.host))
      throw new AdminError(
        'HOST_REFUSED',
        `The Host ${JSON.stringify(request.headers.host)} is not this machine's.`,
      )
  })
  // `?service=&registry=`, as the paths are written down, asks for no service and no registry.
  app.addHook('preValidation', async ({ query }) => {
    const parameters = query as Record<string, unknown>
    for (const name of Object.keys(parameters)) if (parameters[name] === '') delete parameters[name]
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const known = request.method !== 'GET' && app.hasRoute({ method: 'GET', url: path })
    const error = known
      ? new AdminError('METHOD_NOT_ALLOWED', `${path} is read with GET, not ${request.method}.`)
      : new AdminError('NOT_FOUND', `There is no ${path}.`)
    return reply.code(error.statusCode).send(error.toJSON())
  })
  app.setErrorHandler<FastifyError | AdminError>((thrown, request, reply) => {
    const error = thrown instanceof AdminError ? thrown : asAdminError(thrown)
    if (error.code === 'INTERNAL') log.error({ error: thrown, url: request.url }, 'a REST request failed')
    return reply.code(error.statusCode).send(error.toJSON())
  })
}

function asAdminError(error: FastifyError): AdminError {
  if (error.statusCode === 413) return new AdminError('BODY_TOO_LARGE', 'The body is too large.')
  if (error.code === 'FST_ERR_BAD_URL') return new AdminError('INVALID_PARAMETER', error.message)
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new AdminError('BODY_REFUSED', error.message)
  return new AdminError('INTERNAL', 'The request failed.')
}

/** The document is made from a second, never listening app, so that a start never waits for it. */
async function openapi(deps: AdminDeps): Promise<object> {
  const { default: swagger } = await import('@fastify/swagger')
  const app = newApp()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Pilothouse',
        version: deps.version.version,
        description: 'What the Pilot knows. Read-only, but for /debug/registryz/accept.',
      },
    },
  })
  await app.register(async (scope) => addRoutes(scope, deps))
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}

/** @throws if it is not `host:port` */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^(?:\[([^\]]+)\]|[^:[\]]+)?:(\d{1,5})$/.test(address)
    ? /^(.*):(\d+)$/.exec(address)!
    : []
  const port = Number(digits)
  if (digits === undefined || port > 65_535)
    throw new TypeError(`not an address of the form host:port: ${address}`)
  return { host: (host ?? '').replace(/^\[(.*)\]$/, '$1') || '0.0.0.0', port }
}
