/** JSON to the API server and back. */
import type { KubernetesApi } from '../connections/kubernetes-api.ts'

/** Resolves with any status; rejects where there was no answer in ten seconds. */
export type ApiRequest = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH',
  path: string,
  body?: unknown,
  contentType?: string,
) => Promise<{ readonly status: number; readonly body: unknown }>

const TIMEOUT = 10_000

export const jsonRequest =
  (api: Promise<KubernetesApi>): ApiRequest =>
  async (method, path, body, contentType = 'application/json') => {
    const answer = await (await api).request({
      method,
      path,
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': contentType }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT),
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of answer.body) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    try {
      return { status: answer.status, body: JSON.parse(text) }
    } catch {
      return { status: answer.status, body: text }
    }
  }
