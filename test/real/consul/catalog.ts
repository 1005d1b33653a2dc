/** Writes into a real Consul's catalogue, as an external registrator does. */
import type { Api } from '../../testbed/index.ts'

export interface Registered {
  readonly id: string
  readonly service: string
  readonly node?: string
  readonly address?: string
  readonly port?: number
  readonly tags?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
  readonly kind?: string
  readonly weights?: { readonly Passing: number; readonly Warning: number }
  readonly more?: Readonly<Record<string, unknown>>
  /** Of a check of this instance; absent: it has none. */
  readonly status?: string
}

export const catalog = (api: Api) => ({
  node: (name: string, address: string, meta: Readonly<Record<string, string>> = {}) =>
    api('PUT', '/v1/catalog/register', { Node: name, Address: address, NodeMeta: meta }),

  async register({ id, service, node = 'n1', address = '', port = 80, status, ...rest }: Registered) {
    const { tags = [], meta = {}, kind = '', weights, more = {} } = rest
    await api('PUT', '/v1/catalog/register', {
      Node: node,
      Address: '10.9.9.9',
      SkipNodeUpdate: await known(api, node),
      Service: {
        ID: id,
        Service: service,
        Address: address,
        Port: port,
        Tags: tags,
        Meta: meta,
        Kind: kind,
        ...(weights && { Weights: weights }),
        ...more,
      },
      ...(status && { Check: check(id, status) }),
    })
  },
  check: (id: string, status: string, output = '', node = 'n1') =>
    api('PUT', '/v1/catalog/register', {
      Node: node,
      Address: '10.9.9.9',
      SkipNodeUpdate: true,
      Check: { ...check(id, status), Output: output },
    }),
  nodeCheck: (node: string, id: string, status: string) =>
    api('PUT', '/v1/catalog/register', {
      Node: node,
      Address: '10.9.9.9',
      SkipNodeUpdate: true,
      Check: { CheckID: id, Name: id, Status: status },
    }),
  removeCheck: (id: string, node = 'n1') => api('PUT', '/v1/catalog/deregister', { Node: node, CheckID: id }),
  deregister: (id: string, node = 'n1') =>
    api('PUT', '/v1/catalog/deregister', { Node: node, ServiceID: id }),
  removeNode: (node: string) => api('PUT', '/v1/catalog/deregister', { Node: node }),
  /** Nothing is left but the server itself. */
  async clear() {
    for (const { Node } of await api('GET', '/v1/catalog/nodes'))
      if (!Node.startsWith('consul-')) await api('PUT', '/v1/catalog/deregister', { Node })
  },
})

const check = (id: string, Status: string) => ({ CheckID: `check-${id}`, Name: id, ServiceID: id, Status })

async function known(api: Api, node: string): Promise<boolean> {
  return (await api('GET', '/v1/catalog/nodes')).some((each: { Node: string }) => each.Node === node)
}
