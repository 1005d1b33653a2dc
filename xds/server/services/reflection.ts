/**
 * gRPC server reflection, v1 and v1alpha, which differ in their names alone: what grpcurl and its like list and describe.
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. Descriptors are those of xds/proto: also of the
 * types inside Anys. They cost a few hundred milliseconds and 30 MB of heap once, so they are loaded by the first who asks.
 */
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../../proto/gen/grpc/reflection/v1/reflection_pb.js'
import type { MessageInitShape } from '../../proto/index.ts'
import { status } from '../grpc/status.ts'
import { answering, inOnePiece, type Method, type MethodDeps } from './methods.ts'

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>

const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']

/** `services`: full names of all that is served. */
export function reflectionMethods(services: () => readonly string[], deps: MethodDeps): readonly Method[] {
  const take = answering(ServerReflectionRequestSchema, 'stream', deps, async (request) =>
    inOnePiece(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: await answerTo(request.messageRequest, services),
    }),
  )
  return SERVICES.map((service) => ({
    path: `/${service}/ServerReflectionInfo`,
    stream: true,
    localOnly: true,
    take,
  }))
}

async function answerTo(
  { case: kind, value }: ServerReflectionRequest['messageRequest'],
  services: () => readonly string[],
): Promise<Answer> {
  if (kind === 'listServices') {
    const service = services().map((name) => ({ name }))
    return { case: 'listServicesResponse', value: { service } }
  }
  const { fileOf, fileNamed, encodedFiles } = await import('../../proto/files.ts')
  switch (kind) {
    case 'fileContainingSymbol':
    case 'fileByFilename': {
      const file = kind === 'fileByFilename' ? fileNamed(value) : fileOf(value)
      if (file === undefined) return failure(status.NOT_FOUND, `not known here: ${value}`)
      return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...encodedFiles(file)] } }
    }
    case 'allExtensionNumbersOfType':
      // proto3 has extensions of options only, and these are left out of the descriptors.
      if (fileOf(value) === undefined) return failure(status.NOT_FOUND, `not known here: ${value}`)
      return {
        case: 'allExtensionNumbersResponse',
        value: { baseTypeName: value, extensionNumber: [] },
      }
    case 'fileContainingExtension':
      return failure(
        status.NOT_FOUND,
        `no extension ${value.extensionNumber} of ${value.containingType} here`,
      )
    default:
      return failure(status.INVALID_ARGUMENT, 'a request for nothing')
  }
}

const failure = (errorCode: status, errorMessage: string): Answer => ({
  case: 'errorResponse',
  value: { errorCode, errorMessage },
})
