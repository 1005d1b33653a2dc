/** Writes registry.ts: one import a generated file. Run by generate.sh. */
import { readdirSync, writeFileSync } from 'node:fs'

const here = new URL('./', import.meta.url)

/** The generated modules, below gen/, in a stable order. */
function generated(): string[] {
  return readdirSync(new URL('gen/', here), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('_pb.js'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}

/** The name a file exports its descriptor by. */
function exported(path: string): string {
  const stem = path.replace(/_pb\.js$/, '')
  return `file_${stem.replace(/[^a-zA-Z0-9]/g, '_')}`
}

const files = generated()
const imports = files.map((path) => `import { ${exported(path)} } from './gen/${path}'`)
const list = files.map((path) => `  ${exported(path)},`)

writeFileSync(
  new URL('registry.ts', here),
  `/**
 * Every generated file, for reading an Any whose type is not known beforehand. Written by generate.sh.
 * Loading it costs a few hundred milliseconds: only for those who write or read JSON.
 */
import { createRegistry, type Registry } from '@bufbuild/protobuf'
import * as wkt from '@bufbuild/protobuf/wkt'
${imports.join('\n')}

/** The types an Any in our JSON may hold: all that gen/ declares, and the well-known ones. */
export const registry: Registry = createRegistry(
  wkt.file_google_protobuf_any,
  wkt.file_google_protobuf_duration,
  wkt.file_google_protobuf_empty,
  wkt.file_google_protobuf_field_mask,
  wkt.file_google_protobuf_struct,
  wkt.file_google_protobuf_timestamp,
  wkt.file_google_protobuf_wrappers,
${list.join('\n')}
)
`,
)
console.log(`${files.length} files`)
