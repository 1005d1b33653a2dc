/** What is said of answers that can't be used. */
import { registryError } from '../trouble.ts'
import { ConsulFailure } from './answer.ts'

export const notUnderstood = (path: string): ConsulFailure =>
  new ConsulFailure(registryError('PH3005', `The answer to ${path} is not what Consul's API gives there.`))

/** What a programming error would be, too: told, not thrown. */
export const asFailure = (error: unknown, path: string): ConsulFailure =>
  error instanceof ConsulFailure
    ? error
    : new ConsulFailure(registryError('PH3005', `${path}: ${(error as Error).message}.`))

/** Nothing at all is visible: an empty answer of this kind is no empty catalogue. */
export const rightsMissing = (what: string, rule: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3002',
      `The token, or who has none, may read none of ${what}.`,
      `Give a token (token, tokenFile, CONSUL_HTTP_TOKEN) whose policy has ${rule}; a renewed one is picked up where it comes from a file.`,
    ),
  )

export const rightsLost = (what: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3002',
      `The token may no longer read all of ${what}: Consul leaves out what it could see before.`,
    ),
  )

export const notBelieved = (name: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3006',
      `Service ${name} has fewer instances than before, but Consul's index says that it has not changed.`,
    ),
  )
