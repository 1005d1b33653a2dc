/** A real Kubernetes API: etcd and kube-apiserver. No kubelet, no controllers: tests create what those would. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import { makeCertificates, makeRsaKey } from './certs.ts'
import { ports } from './consul.ts'
import { type Api, jsonApi } from './http.ts'
import { type Accounts, accounts } from './kubernetes-accounts.ts'
import { applier, type KubernetesObject } from './kubernetes-apply.ts'
import { launch, type ServerProcess, serverDirectory } from './process.ts'

export interface KubernetesOptions {
  /** More flags of kube-apiserver, e.g. `--feature-gates=…`. */
  readonly apiserverFlags?: readonly string[]
}

export interface KubernetesServer extends Accounts {
  /** `https://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  /** Path of a kubeconfig of the administrator. */
  readonly kubeconfig: string
  /** The administrator's token (system:masters). */
  readonly token: string
  /** Path of the PEM file that the API's certificate is checked by. */
  readonly caFile: string
  /** JSON as administrator. */
  readonly api: Api
  /** Server-side apply of all documents of a YAML text, as administrator; a `status` in it is applied as well. */
  apply(yaml: string): Promise<KubernetesObject[]>
  /** Deletes the objects that a YAML text names; what is not there is no error. */
  remove(yaml: string): Promise<void>
  /** A kubeconfig for another way to the API (a fault proxy) or another account; gives its path. */
  kubeconfigFor(way: { readonly url: string; readonly caFile?: string }, token?: string): Promise<string>
  /** Compacts etcd to now and restarts the API: a watch from an earlier resourceVersion gets 410 Gone. */
  expireWatches(): Promise<void>
  readonly etcd: ServerProcess
  readonly apiserver: ServerProcess
  /** Of both, in the right order. */
  restart(options: { readonly keepData: boolean }): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

export async function startKubernetes(options: KubernetesOptions = {}): Promise<KubernetesServer> {
  const [etcdPath, apiserverPath] = await Promise.all([binary('etcd'), binary('kube-apiserver')])
  const [client, peer, port] = await ports(3)
  const etcdUrl = `http://127.0.0.1:${client}`
  const etcd = await startEtcd(etcdPath, etcdUrl, `http://127.0.0.1:${peer}`)
  const directory = serverDirectory('kube-apiserver')
  const file = (name: string) => join(directory, name)
  const token = 'testbed-admin'
  const url = `https://127.0.0.1:${port}`
  const api = jsonApi(url, () => ({ headers: { authorization: `Bearer ${token}` } }))
  const apiserver = await prepare(directory, token)
    .then((certificates) =>
      launch(directory, {
        name: `kube-apiserver-${port}`,
        command: () => [
          apiserverPath,
          ...flags(etcdUrl, port!, file),
          `--tls-cert-file=${certificates.cert}`,
          `--tls-private-key-file=${certificates.key}`,
          ...(options.apiserverFlags ?? []),
        ],
        ready: async () => (await api('GET', '/readyz')) && (await api('GET', '/api/v1/namespaces/default')),
        readyWithin: 120_000,
      }),
    )
    .catch(async (error: unknown) => {
      await etcd.stop()
      throw error
    })
  const caFile = file('tls/ca.pem')
  let configs = 0
  const kubeconfigFor: KubernetesServer['kubeconfigFor'] = async (way, as = token) => {
    const path = file(`kubeconfig-${++configs}.json`)
    await writeFile(path, kubeconfig(way.url, way.caFile ?? caFile, as), { mode: 0o600 })
    return path
  }
  const restart = async ({ keepData }: { keepData: boolean }) => {
    await apiserver.kill()
    await etcd.restart({ keepData })
    await apiserver.restart({ keepData: true })
  }
  return {
    ...{ url, port: port!, token, caFile, api, etcd, apiserver, kubeconfigFor, restart },
    ...{ kubeconfig: await kubeconfigFor({ url, caFile }), ...applier(api), ...accounts(api) },
    async expireWatches() {
      const etcdApi = jsonApi(etcdUrl)
      const { header } = await etcdApi('POST', '/v3/kv/range', { key: 'AA==' })
      await etcdApi('POST', '/v3/kv/compaction', { revision: header.revision, physical: true })
      await apiserver.restart({ keepData: true })
    },
    async kill() {
      await Promise.all([apiserver.kill(), etcd.kill()])
    },
    async stop() {
      // First the API: without etcd it would wait for it.
      await apiserver.kill()
      await Promise.all([apiserver.stop(), etcd.stop()])
    },
  }
}

function startEtcd(path: string, url: string, peerUrl: string): Promise<ServerProcess> {
  const directory = serverDirectory('etcd')
  const api = jsonApi(url)
  return launch(directory, {
    name: `etcd ${url}`,
    command: () => [
      path,
      `--data-dir=${join(directory, 'data')}`,
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      `--initial-cluster=default=${peerUrl}`,
      // Tests kill machines, not disks.
      '--unsafe-no-fsync',
    ],
    ready: async () => (await api('GET', '/health')).health === 'true',
  })
}

async function prepare(directory: string, token: string) {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 })
  await makeRsaKey(join(directory, 'service-account.pem'))
  return makeCertificates(join(directory, 'tls'), ['kubernetes', 'kubernetes.default.svc'])
}

const flags = (etcdUrl: string, port: number, file: (name: string) => string) => [
  `--etcd-servers=${etcdUrl}`,
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${file('service-account.pem')}`,
  `--service-account-signing-key-file=${file('service-account.pem')}`,
  '--authorization-mode=RBAC',
  `--token-auth-file=${file('tokens.csv')}`,
  `--cert-dir=${file('data')}`,
  `--secure-port=${port}`,
  '--bind-address=127.0.0.1',
  '--service-cluster-ip-range=10.96.0.0/16',
  '--disable-admission-plugins=ServiceAccount',
  // Its endpoint in the Service `kubernetes` must not be loopback, which the API refuses.
  '--advertise-address=192.0.2.1',
]

/** JSON is YAML. */
function kubeconfig(server: string, caFile: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'testbed', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'testbed', user: { token } }],
    contexts: [{ name: 'testbed', context: { cluster: 'testbed', user: 'testbed' } }],
    'current-context': 'testbed',
  })
}
