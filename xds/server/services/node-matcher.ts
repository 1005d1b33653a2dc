/**
 * Which nodes a CSDS request means: envoy/type/matcher/v3/{node,string,struct,value,number}.proto. Regular expressions and
 * custom matchers are refused: RE2's promise of linear time is not kept by JavaScript's.
 */
import type { NodeMatcher } from '../../proto/gen/envoy/type/matcher/v3/node_pb.js'
import type { DoubleMatcher } from '../../proto/gen/envoy/type/matcher/v3/number_pb.js'
import type { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string_pb.js'
import type { StructMatcher } from '../../proto/gen/envoy/type/matcher/v3/struct_pb.js'
import type { ValueMatcher } from '../../proto/gen/envoy/type/matcher/v3/value_pb.js'
import type { Node } from '../../resources.ts'
import { status } from '../grpc/status.ts'
import { RpcError } from './methods.ts'

type Test<T> = (value: T) => boolean

/** One of the matchers fits, or there is none; a matcher fits with all that it says. Throws RpcError for what isn't supported. */
export function nodeTest(matchers: readonly NodeMatcher[]): Test<Node> {
  const tests = matchers.map(({ nodeId, nodeMetadatas }): Test<Node> => {
    const id = nodeId && stringTest(nodeId)
    const metadata = nodeMetadatas.map(structTest)
    return (node) => (id === undefined || id(node.id)) && metadata.every((test) => test(node.metadata))
  })
  return (node) => tests.length === 0 || tests.some((test) => test(node))
}

function stringTest({ matchPattern, ignoreCase }: StringMatcher): Test<string> {
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text)
  const { case: kind } = matchPattern
  if (kind === undefined || kind === 'safeRegex' || kind === 'custom')
    throw unsupported(`a string matcher with ${kind ?? 'no pattern'}; use exact, prefix, suffix or contains`)
  const pattern = fold(matchPattern.value)
  switch (kind) {
    case 'exact':
      return (text) => fold(text) === pattern
    case 'prefix':
      return (text) => fold(text).startsWith(pattern)
    case 'suffix':
      return (text) => fold(text).endsWith(pattern)
    case 'contains':
      return (text) => fold(text).includes(pattern)
  }
}

function structTest({ path, value }: StructMatcher): Test<unknown> {
  if (value === undefined) throw unsupported('a metadata matcher without a value')
  const test = valueTest(value)
  const keys = path.map(({ segment }) => segment.value ?? '')
  return (struct) => {
    let at: unknown = struct
    for (const key of keys) at = isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined
    return test(at)
  }
}

function valueTest({ matchPattern }: ValueMatcher): Test<unknown> {
  switch (matchPattern.case) {
    case 'nullMatch':
      return (value) => value === null
    case 'boolMatch':
      return (value) => value === matchPattern.value
    // "If true, matches if the primitive value is present"; an inverted match isn't defined.
    case 'presentMatch':
      return (value) => matchPattern.value && value !== undefined && value !== null
    case 'stringMatch': {
      const test = stringTest(matchPattern.value)
      return (value) => typeof value === 'string' && test(value)
    }
    case 'doubleMatch': {
      const test = doubleTest(matchPattern.value)
      return (value) => typeof value === 'number' && test(value)
    }
    case 'listMatch': {
      const { case: kind, value: oneOf } = matchPattern.value.matchPattern
      if (kind === undefined) throw unsupported('an empty list matcher')
      const test = valueTest(oneOf)
      return (value) => Array.isArray(value) && value.some(test)
    }
    case 'orMatch': {
      const tests = matchPattern.value.valueMatchers.map(valueTest)
      return (value) => tests.some((test) => test(value))
    }
    case undefined:
      throw unsupported('an empty value matcher')
  }
}

function doubleTest({ matchPattern }: DoubleMatcher): Test<number> {
  if (matchPattern.case === 'exact') return (value) => value === matchPattern.value
  if (matchPattern.case === undefined) throw unsupported('an empty number matcher')
  const { start, end } = matchPattern.value
  return (value) => value >= start && value < end
}

const unsupported = (what: string): RpcError =>
  new RpcError(status.INVALID_ARGUMENT, `not supported: ${what}`)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
