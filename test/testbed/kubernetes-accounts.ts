/** Accounts that come, lose rights and go while the API runs: service accounts, which need no restart as static tokens do. */
import { type Api, StatusError } from './http.ts'

/** A rule of RBAC, e.g. `{ apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] }`. */
export interface RbacRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

export interface Accounts {
  /** A service account in namespace default; gives a token good for `seconds` (at least 600, default an hour), without rights until `allow`. */
  addToken(account: string, seconds?: number): Promise<string>
  /** Its tokens are refused from now on; one that was just used, after 10 s (the API's own cache). */
  removeToken(account: string): Promise<void>
  /** Replaces its rights, in all namespaces; in force within a second or so: wait for the effect. */
  allow(account: string, rules: readonly RbacRule[]): Promise<void>
  /** Takes its rights: 403 from now on. */
  deny(account: string): Promise<void>
}

export function accounts(api: Api): Accounts {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const serviceAccounts = '/api/v1/namespaces/default/serviceaccounts'
  const remove = async (path: string) => {
    try {
      await api('DELETE', path)
    } catch (error) {
      if (!(error instanceof StatusError && error.status === 404)) throw error
    }
  }
  const apply = (path: string, body: object) =>
    api('PATCH', `${path}?fieldManager=testbed&force=true`, JSON.stringify(body), {
      'content-type': 'application/apply-patch+yaml',
    })
  return {
    async addToken(name, seconds = 3600) {
      const metadata = { name, namespace: 'default' }
      await apply(`${serviceAccounts}/${name}`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: seconds },
      }
      return (await api('POST', `${serviceAccounts}/${name}/token`, body)).status.token
    },
    removeToken: (name) => remove(`${serviceAccounts}/${name}`),
    async allow(name, rules) {
      const common = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: `testbed-${name}` } }
      await apply(`${rbac}/clusterroles/testbed-${name}`, { ...common, kind: 'ClusterRole', rules })
      await apply(`${rbac}/clusterrolebindings/testbed-${name}`, {
        ...common,
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `testbed-${name}` },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
      })
    },
    deny: (name) => remove(`${rbac}/clusterrolebindings/testbed-${name}`),
  }
}
