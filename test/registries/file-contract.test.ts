import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesSource } from '#config/sources/files.ts'
import { type FileSystem, nodeFileSystem } from '#config/sources/look.ts'
import { fileRegistry } from '#registries/file/index.ts'
import { temporary } from '../config/watched.ts'
import { type BackendService, registryContract } from '../contract/registry.ts'

const yaml = ({ name, addresses }: BackendService): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example.com]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [${addresses.map((a) => `{ address: ${a} }`).join(', ')}]
`

registryContract('file', (t) => {
  const dir = join(temporary(t), 'services')
  const away = `${dir}-away`
  mkdirSync(dir)
  let open = 0
  const fs: FileSystem = {
    ...nodeFileSystem,
    watch(path, onEvent, onError) {
      const stop = nodeFileSystem.watch(path, onEvent, onError)
      open++
      return () => {
        open--
        stop()
      }
    },
  }
  const config = filesSource(
    { name: 'files/services', path: dir, timing: { retry: 20, vanishAfterTrouble: 80 } },
    { fs },
  )
  return {
    registry: fileRegistry({ name: 'file/services', config }),
    set(services) {
      for (const service of services) {
        writeFileSync(join(dir, `.${service.name}`), yaml(service))
        renameSync(join(dir, `.${service.name}`), join(dir, `${service.name}.yaml`))
      }
      for (const file of readdirSync(dir))
        if (!services.some((s) => `${s.name}.yaml` === file)) rmSync(join(dir, file))
    },
    repeat() {
      for (const file of readdirSync(dir)) utimesSync(join(dir, file), new Date(), new Date())
    },
    break: () => renameSync(dir, away),
    heal: () => renameSync(away, dir),
    open: () => open,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
