/**
 * Descriptors of the generated files, as gRPC reflection hands them out. Loads every generated file.
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { registry } from './registry.ts'

/** The file that declares a message, enum, service, or a member of one, by full name: `envoy.config.cluster.v3.Cluster`. */
export function fileOf(symbol: string): DescFile | undefined {
  const found = registry.get(symbol)
  if (found !== undefined) return found.file
  const owner = registry.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf('.'))))
  const member = symbol.slice(symbol.lastIndexOf('.') + 1)
  return owner !== undefined && memberNames(owner).includes(member) ? owner.file : undefined
}

/** `envoy/config/cluster/v3/cluster.proto`. */
export function fileNamed(name: string): DescFile | undefined {
  filesByName ??= collect()
  return filesByName.get(name)
}

/** FileDescriptorProtos: of the file, and of all that it imports, however deep; each once. */
export function encodedFiles(file: DescFile): readonly Uint8Array[] {
  return [...withImports(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
}

let filesByName: ReadonlyMap<string, DescFile> | undefined

function collect(): ReadonlyMap<string, DescFile> {
  const files = new Set<DescFile>()
  for (const { file } of registry) withImports(file, files)
  return new Map([...files].map((file) => [file.proto.name, file]))
}

function withImports(file: DescFile, into = new Set<DescFile>()): Set<DescFile> {
  if (into.has(file)) return into
  into.add(file)
  for (const dependency of file.dependencies) withImports(dependency, into)
  return into
}

function memberNames(owner: NonNullable<ReturnType<typeof registry.get>>): readonly string[] {
  if (owner.kind === 'service') return owner.methods.map(({ name }) => name)
  if (owner.kind === 'message') return [...owner.fields, ...owner.oneofs].map(({ name }) => name)
  return owner.kind === 'enum' ? owner.values.map(({ name }) => name) : []
}
