/** A Spring application from a jar, in a small JVM that starts quickly. */
import { TestbedError } from './cache.ts'
import { launch, type ServerProcess } from './process.ts'

export type Properties = Readonly<Record<string, string | number | boolean>>

export interface JavaProcess {
  readonly name: string
  readonly jar: string
  readonly properties: Properties
  ready(log: () => string): Promise<unknown>
}

const small = ['-Xmx256m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

export async function launchJava(directory: string, it: JavaProcess): Promise<ServerProcess> {
  const { name, jar, properties, ready } = it
  const given = Object.entries(properties).map(([property, value]) => `--${property}=${value}`)
  return launch(directory, {
    name,
    command: () => ['java', ...small, `-Djava.io.tmpdir=${directory}`, '-jar', jar, ...given],
    ready,
    readyWithin: 150_000,
  }).catch((error: Error) => {
    if (!/ENOENT/.test(String(error.message))) throw error
    throw new TestbedError('java is not on the path', 'Install a Java runtime 17 or later.', { cause: error })
  })
}
