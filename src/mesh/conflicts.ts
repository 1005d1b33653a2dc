/** What registries disagree on, as issues on the merged service: both owners named, and which one holds. */
import type { Issue, PilotError } from '#model/issue.ts'
import type { Contribution } from './precedence.ts'

/** Code -> what it means and what to do about it; one line each for the documentation. */
export const meshIssueCodes = {
  PH2001: {
    title: 'Registries disagree on a port’s protocol',
    remedy:
      'Give the port the same protocol in both registries, or put the registry that is right first in the settings.',
  },
  PH2002: {
    title: 'Registries disagree on the number of a port with the same name',
    remedy: 'Use one number for the port in both registries, or give the ports different names.',
  },
  PH2003: {
    title: 'Registries disagree on the name of a port with the same number',
    remedy: 'Give the port the same name in both registries; routes and policies know it by its name.',
  },
  PH2004: {
    title: 'Registries disagree on a port’s target port',
    remedy:
      'Nothing has to be done: each registry’s endpoints keep their own; make them equal to silence this.',
  },
  PH2005: {
    title: 'A port is known to some of the registries only',
    remedy:
      'Report the port in every registry whose endpoints serve it; the others get no traffic on this port.',
  },
  PH2006: {
    title: 'Registries disagree on the resolution',
    remedy:
      'Use the same resolution in both registries, or put the registry that is right first in the settings.',
  },
  PH2007: {
    title: 'Registries disagree on the location',
    remedy:
      'Use the same location in both registries, or put the registry that is right first in the settings.',
  },
  PH2008: {
    title: 'Registries disagree on the virtual addresses',
    remedy: 'Call the service by its hostname, or report the same addresses in both registries.',
  },
  PH2009: {
    title: 'Registries disagree on the subject alternative names',
    remedy:
      'Report the same subjectAltNames in both registries: only those that hold are accepted by clients.',
  },
  PH2010: {
    title: 'Registries disagree on exportTo, one is left out',
    remedy: 'Use the same exportTo in both registries, or put the two services into different namespaces.',
  },
  PH2011: {
    title: 'Endpoints do not fit the resolution and are left out',
    remedy:
      'Report IP addresses (resolution STATIC takes no DNS names), or use resolution DNS in the registry that comes first.',
  },
  PH2012: {
    title: 'Two registries report the same endpoint, counted once',
    remedy: 'Nothing has to be done; to silence this, filter the instance out of one of the registries.',
  },
  PH2013: {
    title: 'Two ports of one registry fall on one port of the merged service',
    remedy: 'Use the same names and numbers for the ports in both registries.',
  },
  PH2014: {
    title: 'Registries disagree on whether the service is headless',
    remedy: 'Make the service headless in both registries or in none.',
  },
  PH2015: {
    title: 'Registries, or two words of one registry, disagree on the health of an endpoint',
    remedy:
      'Nothing has to be done where one of them is away; else check the endpoint’s health checks wherever it is registered.',
  },
  PH2016: {
    title: 'An endpoint is flapping; its downs are delayed',
    remedy:
      'Look at the endpoint’s health check and at its workload: it goes down and comes back again and again.',
  },
  PH2020: {
    title: 'A configuration object is defined in two sources',
    remedy: 'Delete one of the two, or give it another name.',
  },
  PH2030: {
    title: 'The last snapshot can not be written to the state directory',
    remedy:
      'Check that the directory given as stateDir exists, is writable and has space; serving goes on without it.',
  },
  PH2031: {
    title: 'The state directory can not be used',
    remedy:
      'Give stateDir a directory that this user owns and may write to, or leave stateDir out to keep nothing.',
  },
  PH2040: {
    title: 'A source stopped without saying why',
    remedy: 'Nothing has to be done, it is asked again; please report this as a bug of the source.',
  },
  PH2041: {
    title: 'An update of a source could not be merged',
    remedy: 'What it said before stays valid; please report this as a bug of the source.',
  },
} as const

export type MeshIssueCode = keyof typeof meshIssueCodes

/** An outage in the mesh's own words. */
export const meshError = (code: MeshIssueCode, message: string): PilotError => ({
  code,
  message,
  remedy: meshIssueCodes[code].remedy,
})

/** The text of whatever was thrown. */
export const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** `consul/dc1 (orders)`: the registry and its own word for the service. */
export const ownerOf = ({ registry, service }: Contribution): string =>
  `${registry} (${service.origin.object})`

export const meshIssue = (
  code: MeshIssueCode,
  severity: Issue['severity'],
  message: string,
  about: Pick<Issue, 'path' | 'at' | 'object'> = {},
): Issue => ({ severity, code, message, remedy: meshIssueCodes[code].remedy, ...about })

/** An issue about what `loser` says; its place is where `loser` says it. */
export const issueOn = (
  code: MeshIssueCode,
  severity: Issue['severity'],
  loser: Contribution,
  message: string,
  path?: string,
): Issue =>
  meshIssue(code, severity, message, {
    path,
    at: loser.service.origin.at ?? loser.registry,
    object: loser.service.origin.object,
  })

interface Field {
  readonly code: MeshIssueCode
  readonly name: 'resolution' | 'location' | 'addresses' | 'subjectAltNames' | 'headless'
}
const fields: readonly Field[] = [
  { code: 'PH2006', name: 'resolution' },
  { code: 'PH2007', name: 'location' },
  { code: 'PH2008', name: 'addresses' },
  { code: 'PH2009', name: 'subjectAltNames' },
  { code: 'PH2014', name: 'headless' },
]

/** Lists compare as sets; an empty list says nothing. Undefined where there is nothing to disagree on. */
const said = (value: unknown): string | undefined => {
  if (!Array.isArray(value)) return String(value)
  return value.length === 0 ? undefined : [...value].sort().join(', ')
}

/** Who holds a list field: the first that says something; any other field: the first. */
export const holderOf = (contributions: readonly Contribution[], name: Field['name']): Contribution =>
  contributions.find(({ service }) => said(service[name]) !== undefined) ?? contributions[0]!

export const attributeConflicts = (contributions: readonly Contribution[]): readonly Issue[] =>
  fields.flatMap(({ code, name }) => {
    const holder = holderOf(contributions, name)
    const held = said(holder.service[name])
    return contributions.flatMap((other) => {
      const value = said(other.service[name])
      if (other === holder || value === undefined || value === held) return []
      const message = `${name} is ${held} by ${ownerOf(holder)}, which holds, and ${value} by ${ownerOf(other)}.`
      return [issueOn(code, 'warning', other, message, name)]
    })
  })
