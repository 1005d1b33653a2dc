/** Server-side apply by the API itself, so that no kubectl is needed. */
import { parseAllDocuments } from 'yaml'
import { type Api, StatusError } from './http.ts'

// biome-ignore lint/suspicious/noExplicitAny: any kind of object
export type KubernetesObject = any

interface Resource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

export function applier(api: Api) {
  const path = async (it: KubernetesObject, subresource = '') => {
    const group = it.apiVersion.includes('/') ? `/apis/${it.apiVersion}` : `/api/${it.apiVersion}`
    const { resources } = (await api('GET', group)) as { resources: Resource[] }
    const resource = resources.find((each) => each.kind === it.kind && !each.name.includes('/'))
    if (!resource) throw new Error(`${it.apiVersion} has no kind ${it.kind}`)
    const scope = resource.namespaced ? `/namespaces/${it.metadata.namespace ?? 'default'}` : ''
    return `${group}${scope}/${resource.name}/${it.metadata.name}${subresource}`
  }
  const patch = async (it: KubernetesObject, subresource: string, body: object) =>
    api('PATCH', `${await path(it, subresource)}?fieldManager=testbed&force=true`, JSON.stringify(body), {
      'content-type': 'application/apply-patch+yaml',
    })
  return {
    async apply(yaml: string): Promise<KubernetesObject[]> {
      const applied: KubernetesObject[] = []
      for (const it of documents(yaml)) {
        const { status, ...rest } = it
        let done = await patch(it, '', rest)
        if (status !== undefined) {
          const { apiVersion, kind, metadata } = it
          const { name, namespace } = metadata
          done = await patch(it, '/status', { apiVersion, kind, metadata: { name, namespace }, status })
        }
        if (it.kind === 'CustomResourceDefinition') await established(api, it)
        applied.push(done)
      }
      return applied
    },
    async remove(yaml: string): Promise<void> {
      for (const it of documents(yaml).reverse()) {
        try {
          await api('DELETE', `${await path(it)}?gracePeriodSeconds=0`)
        } catch (error) {
          if (!(error instanceof StatusError && error.status === 404)) throw error
        }
      }
    },
  }
}

function documents(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0]
      return document.toJS()
    })
    .filter((it) => it)
}

/** Its objects can be written only then. */
async function established(api: Api, crd: KubernetesObject): Promise<void> {
  const { until } = await import('../support/cleanup.ts')
  const { group, versions } = crd.spec
  const version = versions.find((each: { served: boolean }) => each.served).name
  await until(`${crd.metadata.name} is served`, async () => {
    const { resources } = await api('GET', `/apis/${group}/${version}`)
    return resources.some((each: Resource) => each.kind === crd.spec.names.kind)
  })
}
