/**
 * Requests to a Kubernetes API. The only file that imports the client package: it reads kubeconfigs and makes
 * credentials (tokens from files, exec plugins, client certificates, OIDC); the connections are kept here, since the
 * package makes a new pool for every request.
 */
import { join } from 'node:path'
import { type Cluster, KubeConfig, type RequestContext, type User } from '@kubernetes/client-node'
import { Agent, type Dispatcher, request as send } from 'undici'
import { type KubernetesConnection, tokenFilesOf } from '#config/connections/kubernetes.ts'
import type {
  KubernetesAnswer,
  KubernetesApi,
  KubernetesRequest,
} from '#config/connections/kubernetes-api.ts'
import { sameContent } from '#support/equal.ts'
import { reasonOf, shownUrl } from '../trouble.ts'

/** ms; until the answer begins. A body takes as long as its reader lets it. */
const HEADERS_TIMEOUT = 30_000
const CONNECT_TIMEOUT = 10_000
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 }

interface Pool {
  readonly tls: unknown
  readonly dispatcher: Promise<Dispatcher>
}

export function createClient(connection: KubernetesConnection): KubernetesApi {
  let config: KubeConfig | undefined
  let pool: Pool | undefined

  /** One pool until the certificates differ; what is under way keeps the one it has. */
  function dispatcherFor(tls: unknown, make: () => Promise<Dispatcher>): Promise<Dispatcher> {
    if (pool && sameContent(pool.tls, tls)) return pool.dispatcher
    void pool?.dispatcher.then((it) => it.close()).catch(() => {})
    pool = { tls, dispatcher: make() }
    pool.dispatcher.catch(() => {
      pool = undefined
    })
    return pool.dispatcher
  }

  async function credentials() {
    try {
      config ??= load(connection)
      return { server: clusterOf(config).server, ...(await authenticate(config)) }
    } catch (error) {
      throw Object.assign(new Error(`no credentials: ${reasonOf(error)}`), { code: 'PH3002' })
    }
  }

  async function request(asked: KubernetesRequest): Promise<KubernetesAnswer> {
    const { server, headers, tls, make } = await credentials()
    const dispatcher = await dispatcherFor(tls, make)
    asked.signal.throwIfAborted()
    const url = new URL(server + asked.path)
    for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.set(name, value)
    const answer = await leftAtOnce(
      asked.signal,
      send(url, {
        method: (asked.method ?? 'GET') as Dispatcher.HttpMethod,
        headers: { accept: 'application/json', 'user-agent': 'pilothouse', ...asked.headers, ...headers },
        signal: asked.signal,
        dispatcher,
        headersTimeout: HEADERS_TIMEOUT,
        bodyTimeout: 0,
        ...(asked.body === undefined ? {} : { body: asked.body }),
      }),
    )
    // Who leaves the body by the signal need not be told of it again.
    answer.body.on('error', () => {})
    const seconds = Number(answer.headers['retry-after'])
    return {
      status: answer.statusCode,
      body: answer.body,
      ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfter: seconds * 1000 } : {}),
    }
  }

  return {
    get url() {
      if (connection.from === 'in-cluster') return shownUrl(connection.server)
      const server = config?.getCurrentCluster()?.server
      return server === undefined ? `context ${connection.context}` : shownUrl(server)
    },
    request,
    renew() {
      // A refreshed OIDC token lives in it, and its refresh token may be good for once only.
      if (config?.getCurrentUser()?.authProvider?.name !== 'oidc') config = undefined
    },
    close() {
      void pool?.dispatcher.then((it) => it.destroy()).catch(() => {})
      pool = undefined
      config = undefined
    },
  }
}

/** undici hears of the signal only once it has a connection, which a server that stands still may not give for long. */
function leftAtOnce<Answer>(signal: AbortSignal, asked: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

/** Headers and TLS of one request, and how to make the pool for such. */
async function authenticate(config: KubeConfig) {
  // biome-ignore lint/suspicious/noExplicitAny: the package fills in what https.request takes
  const options: any = {}
  await config.applyToHTTPSOptions(options)
  const { agent: _agent, auth, headers: given = {}, ...tls } = options
  const headers: Record<string, string> = {}
  // A token file that ends in a newline would make no header.
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = String(value).trim()
  if (auth) headers.authorization = `Basic ${Buffer.from(auth).toString('base64')}`
  return { headers, tls, make: () => makeDispatcher(config, tls) }
}

/** HTTP/1.1: a connection for each watch, so that one that is stuck holds up no other. */
async function makeDispatcher(config: KubeConfig, tls: object): Promise<Dispatcher> {
  const made = config.createDispatcherOptions(clusterOf(config), tls)
  switch (made.type) {
    case 'agent':
      return new Agent({ allowH2: false, connect: { ...made.connect, timeout: CONNECT_TIMEOUT } })
    case 'none':
      return new Agent({ allowH2: false, connect: { ...KEEP_ALIVE, timeout: CONNECT_TIMEOUT } })
    case 'proxy':
    case 'socks': {
      let dispatcher: Dispatcher | undefined
      const context = { setHeaderParam() {}, setDispatcher: (it: Dispatcher) => (dispatcher = it) }
      await config.applySecurityAuthentication(context as unknown as RequestContext)
      return dispatcher!
    }
  }
}

function clusterOf(config: KubeConfig): Cluster {
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`context ${config.getCurrentContext()} names no cluster of its kubeconfig`)
  return cluster
}

/** @throws where a file can't be read or understood. */
function load(connection: KubernetesConnection): KubeConfig {
  return connection.from === 'in-cluster' ? inCluster(connection) : fromFiles(connection)
}

function inCluster({ server, directory }: Extract<KubernetesConnection, { from: 'in-cluster' }>): KubeConfig {
  const config = new KubeConfig()
  const user = { name: 'in-cluster', authProvider: tokenFile(join(directory, 'token')) }
  config.loadFromClusterAndUser(
    { name: 'in-cluster', server, caFile: join(directory, 'ca.crt'), skipTLSVerify: false },
    user,
  )
  return config
}

/** Read anew every minute, by the package. */
const tokenFile = (path: string) => ({ name: 'tokenFile', config: { tokenFile: path } })

/** As kubectl merges: of two entries of one name the first counts. */
function fromFiles({ files, context }: Extract<KubernetesConnection, { from: 'kubeconfig' }>): KubeConfig {
  const parts = files.map((file) => {
    const part = new KubeConfig()
    part.loadFromFile(file)
    const tokenFiles = tokenFilesOf(file)
    const users = part.users.map((user): User => {
      const path = user.token ? undefined : tokenFiles.get(user.name)
      return path === undefined ? user : { ...user, authProvider: tokenFile(path) }
    })
    return { clusters: part.clusters, users, contexts: part.contexts }
  })
  const contexts = firsts(parts.flatMap((part) => part.contexts))
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: firsts(parts.flatMap((part) => part.clusters)),
    // Without a user the package would leave out the cluster's own CA as well.
    users: [...firsts(parts.flatMap((part) => part.users)), { name: ANONYMOUS }],
    contexts: contexts.map((each) => ({ ...each, user: each.user ?? ANONYMOUS })),
    currentContext: context,
  })
  return config
}

const ANONYMOUS = ''

function firsts<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const byName = new Map<string, T>()
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry)
  return [...byName.values()]
}
