/** `pilothouse bootstrap`: the bootstrap with which Envoy starts as a sidecar. */
import { stringify } from 'yaml'
import { BootstrapError, bootstrap } from '#inject/bootstrap.ts'
import { CommandFailure } from './failure.ts'
import type { BootstrapCommandOptions } from './options.ts'

export async function runBootstrap({ output, ...options }: BootstrapCommandOptions): Promise<number> {
  try {
    const made = bootstrap(options)
    process.stdout.write(output === 'json' ? `${JSON.stringify(made, null, 2)}\n` : stringify(made))
    return 0
  } catch (error) {
    if (error instanceof BootstrapError) throw new CommandFailure(error.message, error.remedy, 2)
    throw error
  }
}
