/** One question to a server of fakes. */
import { createAdmin } from '#admin/server.ts'
import { type Fakes, fakes } from './fakes.ts'

export const get = async (url: string, of: Partial<Fakes> = {}, headers: Record<string, string> = {}) => {
  const admin = createAdmin(fakes(of))
  const response = await admin.inject({ url, headers })
  await admin.close()
  return response
}
export const json = async (url: string, of: Partial<Fakes> = {}) => (await get(url, of)).json()
