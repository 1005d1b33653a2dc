/** Parameters against their JSON Schema. ajv is loaded and a schema compiled when first asked: a start never waits for it. */
import type { ErrorObject, ValidateFunction } from 'ajv'
import { AdminError } from './errors.ts'

/**
 * For `app.setValidatorCompiler`: a validator that rejects with an AdminError naming all that is wrong. Query strings are
 * coerced, in place, to the types of the schema; nothing is removed.
 */
export function lazyValidator({
  schema,
  httpPart,
}: {
  readonly schema: unknown
  readonly httpPart?: string
}) {
  const code = httpPart === 'body' ? 'BODY_REFUSED' : 'INVALID_PARAMETER'
  let compiled: Promise<ValidateFunction> | undefined
  return async (data: unknown): Promise<true> => {
    compiled ??= compile(schema as object)
    const validate = await compiled
    if (validate(data)) return true
    throw new AdminError(code, `${(validate.errors ?? []).map(violation).join('; ')}.`)
  }
}

async function compile(schema: object): Promise<ValidateFunction> {
  const { Ajv } = await import('ajv')
  return new Ajv({ coerceTypes: true, allErrors: true, strict: false }).compile(schema)
}

function violation({ instancePath, message, params }: ErrorObject): string {
  const unknown = params.additionalProperty
  if (typeof unknown === 'string') return `there is no parameter ${JSON.stringify(unknown)}`
  return `${instancePath.slice(1) || 'it'} ${message}`
}
