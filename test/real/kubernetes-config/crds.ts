/** The custom resource definitions that Istio and the Gateway API ship, from their Go modules. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TestbedError } from '../../testbed/index.ts'

const modules = { istio: 'istio.io/api@v1.29.0', gatewayApi: 'sigs.k8s.io/gateway-api@v1.4.0' } as const

/** One YAML text each. */
export async function crds(of: keyof typeof modules): Promise<string> {
  const directory = await download(modules[of])
  if (of === 'istio')
    return readFileSync(join(directory, 'kubernetes/customresourcedefinitions.gen.yaml'), 'utf8')
  const folder = join(directory, 'config/crd/standard')
  const files = readdirSync(folder).filter((file) => file.startsWith('gateway.networking.k8s.io_'))
  return files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n---\n')
}

async function download(module: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], {
      timeout: 120_000,
    })
    return JSON.parse(stdout).Dir
  } catch (cause) {
    throw new TestbedError(
      `${module} could not be had`,
      'Install Go, and check the way to its module proxy.',
      { cause },
    )
  }
}
