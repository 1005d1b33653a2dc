/**
 * "Who made this?": what each resource says of itself in its metadata. Only routes tell the line within a file, which
 * moves with every edit of it: a changed cluster is warmed anew. Listeners tell the service, whose clusters tell the
 * rest: a listener whose metadata changes is drained, and cuts long connections when that is over.
 */
import type { ConfigObject } from '#model/config.ts'
import type { ServiceAttributes } from '#model/mesh.ts'
import type { Origin } from '#model/origin.ts'
import type { JsonObject } from '#xds/proto/index.ts'

type GeneratorName = 'clusters' | 'listeners' | 'routes'
export interface MetadataInit {
  readonly filterMetadata: { [key: string]: JsonObject }
}

/** Metadata of a cluster that is made for one service. */
export const clusterMetadata = (service: ServiceAttributes): MetadataInit => ({
  filterMetadata: {
    istio: istioServices(service),
    pilothouse: {
      generator: 'clusters',
      origins: service.origins.map((o) => originJson(o, false)),
      registries: [...new Set(service.origins.map((o) => o.source))],
    },
  },
})

/** Metadata of a listener that is made for one service. */
export const serviceListenerMetadata = (service: ServiceAttributes): MetadataInit => ({
  filterMetadata: { istio: istioServices(service), pilothouse: { generator: 'listeners' } },
})

const istioServices = ({ hostname, namespace }: ServiceAttributes): JsonObject => ({
  services: [{ host: hostname, name: hostname.split('.')[0] ?? hostname, namespace }],
})

/** Metadata of a virtual host: small, since there is one for each service in each route configuration. */
export const virtualHostMetadata = (service: ServiceAttributes): MetadataInit => ({
  filterMetadata: { pilothouse: { origins: service.origins.map((o) => originJson(o, true)) } },
})

/** Metadata of a resource that many services share, or none: it names no service, so it does not change with them. */
export function sharedMetadata(generator: GeneratorName, config?: ConfigObject): MetadataInit {
  const pilothouse: JsonObject = { generator }
  if (config === undefined) return { filterMetadata: { pilothouse } }
  pilothouse.origins = [originJson(config.origin, false)]
  return { filterMetadata: { istio: { config: configPath(config) }, pilothouse } }
}

/** As Istio writes it: `/apis/networking.istio.io/v1/namespaces/default/sidecar/name`. */
const configPath = ({ apiVersion, namespace, kind, name }: ConfigObject): string =>
  `/apis/${apiVersion}/namespaces/${namespace}/${kind.replace(/\B(?=[A-Z])/g, '-').toLowerCase()}/${name}`

function originJson({ source, object, at }: Origin, withLine: boolean): JsonObject {
  if (at === undefined) return { source, object }
  return { source, object, at: withLine ? at : at.replace(/(:\d+){1,2}$/, '') }
}
