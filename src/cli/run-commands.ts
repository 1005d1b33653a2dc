/** serve, check, bootstrap, translate, demo: their options, as `./options.ts` has them. */
import { type Command, Option } from 'commander'
import { CommandFailure } from './failure.ts'
import type {
  BootstrapCommandOptions,
  CheckOptions,
  DemoCommandOptions,
  NodeOptions,
  ServeOptions,
  TranslateOptions,
} from './options.ts'
import { collect, collectHostPorts, collectLabel, hostPort, port } from './parse.ts'
import { show, type Terminal } from './terminal.ts'

const localPilot: readonly string[] = ['127.0.0.1:15010']
const logLevels = ['debug', 'info', 'warn', 'error']

export function addRunCommands(program: Command, terminal: Terminal): void {
  addServe(program, terminal)
  addCheck(program, terminal)
  addBootstrap(program, terminal)
  addTranslate(program, terminal)
  addDemo(program, terminal)
}

function addServe(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('run the Pilot')
    .option('-c, --config <file>', 'settings; flags win over the environment, which wins over this file')
    .option('--files <dir>', 'Istio YAML, services and configuration; repeatable', collect)
    .option('--consul <url>', 'a Consul agent, http://127.0.0.1:8500; repeatable', collect)
    .option('--nomad <url>', 'a Nomad agent, http://127.0.0.1:4646; repeatable', collect)
    .option('--eureka <url>', 'a Eureka server, http://127.0.0.1:8761/eureka; repeatable', collect)
    .option('--kubernetes', 'Kubernetes by KUBECONFIG, else in-cluster, else by ~/.kube/config')
    .option('--kubeconfig <file>', 'Kubernetes by this file; repeatable', collect)
    .option('--dns <name:port>', 'a DNS name followed as a service, or an SRV name; repeatable', collect)
    .option('--xds-address <host:port>', 'xDS, plaintext (default: 127.0.0.1:15010)', hostPort)
    .option('--admin-address <host:port>', 'REST and metrics (default: 127.0.0.1:15014)', hostPort)
    .option('--state-dir <dir>', 'where the last snapshot is kept (default: nothing is kept)')
    .addOption(new Option('--log-level <level>', 'default: info').choices(logLevels))
    .addOption(
      new Option('--log-format <format>', 'default: pretty on a terminal, else json').choices([
        'json',
        'pretty',
      ]),
    )
    .action(async ({ consul, nomad, eureka, dns, kubernetes, kubeconfig, ...options }: ServeFlags) => {
      const clusters = kubeconfig ?? (kubernetes ? [''] : undefined)
      const registries = { consul, nomad, eureka, kubernetes: clusters, dns }
      const { runServe } = await import('./serve.ts')
      terminal.end(await runServe({ ...options, registries }))
    })
}

/** What commander gives. */
type ServeFlags = Omit<ServeOptions, 'registries'> & {
  readonly consul?: readonly string[]
  readonly nomad?: readonly string[]
  readonly eureka?: readonly string[]
  readonly dns?: readonly string[]
  readonly kubernetes?: boolean
  readonly kubeconfig?: readonly string[]
}

function addCheck(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description('validate configuration offline: every issue with its place and remedy')
    .argument('<path...>', 'files or directories of Istio YAML')
    .addOption(
      new Option('-o, --output <format>', 'form of the issues').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      '\nEnds with 0 if there are no errors (warnings are none), 1 if there are, 2 if called wrongly.',
    )
    .action(async (paths: string[], options: CheckOptions) => {
      const { check } = await import('./check.ts')
      show(terminal, await check(paths, { ...options, env: process.env }))
    })
}

/** What makes a node, for `bootstrap` and `translate`. */
function nodeOptions(command: Command): Command {
  return command
    .option('--cluster <name>', "Envoy's service cluster (default: the workload's name)")
    .option('--namespace <name>', 'namespace of the workload (default: default)')
    .option('--ip <address>', "the workload's own address; further ones by comma")
    .addOption(
      new Option('--mode <mode>', 'how traffic reaches the sidecar').choices(['transparent', 'explicit']),
    )
    .option('--label <key=value>', 'label of the workload; repeatable', collectLabel, {})
    .option('--locality <region/zone/subzone>', 'where it runs')
    .option('--network <name>', 'network it is in')
    .option('--service-account <name>', 'service account it runs as')
    .option('--workload <name>', 'name of the workload (default: the name in --id)')
    .option(
      '--outbound <host:port>',
      'explicit mode: the outbound proxy (default: 127.0.0.1:15002)',
      hostPort,
    )
}

const withLabels = <T extends object>({ label, ...options }: T & { label: NodeOptions['labels'] }) => ({
  ...options,
  labels: label,
})

function addBootstrap(program: Command, terminal: Terminal): void {
  const command = program
    .command('bootstrap')
    .description('print a bootstrap with which `envoy -c` starts a sidecar')
    .requiredOption('--id <name>', 'name of the workload, or a whole node id')
    .option(
      '--xds <host:port>',
      'where the Pilot serves xDS; several by comma or repeated, of which any will do',
      collectHostPorts(localPilot),
      localPilot,
    )
  nodeOptions(command)
    .option('--auto-register-group <name>', 'WorkloadGroup that the workload registers itself in')
    .option('--on-demand', 'load clusters and routes when a request first needs them')
    .option('--load-reporting', 'report the load of each cluster to the Pilot (LRS)')
    .addOption(new Option('--xds-api <type>', 'default: DELTA_GRPC').choices(['DELTA_GRPC', 'GRPC']))
    .option('--admin-port <port>', "Envoy's admin (default: 15000; 0: any free one)", port)
    .option('--status-port <port>', 'health (default: 15021; 0: none)', port)
    .option('--prometheus-port <port>', 'metrics (default: 15090; 0: none)', port)
    .addOption(new Option('-o, --output <format>', 'form').choices(['yaml', 'json']).default('yaml'))
    .action(async (options: BootstrapCommandOptions & { label: NodeOptions['labels'] }) => {
      const { runBootstrap } = await import('./bootstrap.ts')
      terminal.end(await runBootstrap(withLabels(options)))
    })
}

function addTranslate(program: Command, terminal: Terminal): void {
  const command = program
    .command('translate')
    .description(
      'print, offline, the listeners, routes, clusters, endpoints and secrets that a node would get',
    )
    .requiredOption('--files <dir>', 'Istio YAML; repeatable', collect)
    .option(
      '--node <file>',
      'a node, or a bootstrap that has one, in YAML or JSON; instead of --id and its like',
    )
    .option('--id <name>', 'name of the workload, or a whole node id')
  nodeOptions(command)
    .addOption(new Option('-o, --output <format>', 'form').choices(['yaml', 'json']).default('yaml'))
    .action(async (options: TranslateOptions & { label: NodeOptions['labels'] }) => {
      if (options.id === undefined && options.node === undefined)
        throw new CommandFailure('translate needs a node.', 'Give --id NAME, or --node FILE.', 2)
      const { runTranslate } = await import('./translate.ts')
      terminal.end(await runTranslate(withLabels(options)))
    })
}

function addDemo(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .description(
      'the main job on this machine: a Pilot, services, real Envoy sidecars, requests through them',
    )
    .option('--once', 'end by itself, with 0 only if the traffic was right', false)
    .action(async (options: DemoCommandOptions) => {
      const { runDemo } = await import('./demo.ts')
      terminal.end(await runDemo(options))
    })
}
