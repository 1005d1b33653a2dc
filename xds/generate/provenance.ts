/**
 * "Who made this?": what each resource says of itself in its metadata. Lines within a file are told in routes only:
 * they move with every edit of the file, and a changed cluster is warmed anew, a changed listener drained.
 */
import type { ConfigObject } from '#model/config.ts'
import type { ServiceAttributes } from '#model/mesh.ts'
import type { Origin } from '#model/origin.ts'
import type { JsonObject } from '#xds/proto/index.ts'

export type GeneratorName = 'clusters' | 'listeners' | 'routes'
export interface MetadataInit {
  readonly filterMetadata: { [key: string]: JsonObject }
}

/** Metadata of a resource that is made for one service. */
export function serviceMetadata(service: ServiceAttributes, generator: GeneratorName): MetadataInit {
  const { hostname, namespace } = service
  return {
    filterMetadata: {
      istio: { services: [{ host: hostname, name: hostname.split('.')[0] ?? hostname, namespace }] },
      pilothouse: {
        generator,
        origins: service.origins.map((o) => originJson(o, generator === 'routes')),
        registries: [...new Set(service.origins.map((o) => o.source))],
      },
    },
  }
}

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
