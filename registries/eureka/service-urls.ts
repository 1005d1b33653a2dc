/** Eureka servers as users write them: several, by zone, with or without the path, with credentials in the URL. */
import { shownUrl } from '../trouble.ts'

export interface EurekaServer {
  /** Without credentials and without a slash at its end, e.g. `http://10.0.0.1:8761/eureka`: fit to be shown. */
  readonly url: string
  readonly user?: string
  readonly password?: string
}

/** Spring's name for the servers of no zone in particular. */
const DEFAULT_ZONE = 'defaultZone'

/**
 * `http(s)://[USER:PASSWORD@]HOST:PORT[/eureka[/]]`; a bare host gets Spring's path `/eureka`, any other path stays.
 * undefined: no URL.
 */
export function eurekaServer(text: string): EurekaServer | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  const path = url.pathname.replace(/\/+$/, '').replace(/\/apps$/, '')
  url.pathname = path === '' ? '/eureka' : path
  const [user, password] = [plain(url.username), plain(url.password)]
  return { url: shownUrl(url.href), ...(user === '' ? {} : { user, password }) }
}

/** `a,b` as Spring writes several. */
export const splitUrls = (text: string): readonly string[] =>
  text
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '')

/** Servers in the order to ask them: of one's own zone first, then the other zones', those of no zone last. */
export function orderZones(
  zones: ReadonlyMap<string, readonly EurekaServer[]>,
  own: string | undefined,
): readonly EurekaServer[] {
  const rank = (zone: string) => (zone === own ? 0 : zone === DEFAULT_ZONE ? 2 : 1)
  const names = [...zones.keys()].sort((a, b) => rank(a) - rank(b))
  return unique(names.flatMap((zone) => zones.get(zone)!))
}

export const unique = (servers: readonly EurekaServer[]): readonly EurekaServer[] =>
  servers.filter(({ url }, i) => servers.findIndex((other) => other.url === url) === i)

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
