/** Reads what a server has received, through its API alone. */
import { setTimeout as sleep } from 'node:timers/promises'

type Reader = { readonly url: string; readonly apiKey: string }
export type Listed = { readonly id: string; readonly subject: string }

/** Every received message, newest first. */
export async function listReceived(reader: Reader): Promise<readonly Listed[]> {
  const listed: Listed[] = []
  for (let query = '?limit=100', more = true; more; ) {
    const page = (await get(reader, `/emails/receiving${query}`)) as { has_more: boolean; data: Listed[] }
    listed.push(...page.data)
    query = `?limit=100&after=${page.data.at(-1)?.id}`
    more = page.has_more
  }
  return listed
}

/** The bytes of a received message, by its `raw.download_url`. */
export async function rawOf(reader: Reader, id: string): Promise<Buffer> {
  const { raw } = (await get(reader, `/emails/receiving/${id}`)) as { raw: { download_url: string } }
  const answer = await fetch(raw.download_url, { signal: AbortSignal.timeout(30_000) })
  if (answer.status !== 200) throw new Error(`${id}: its download answered ${answer.status}`)
  return Buffer.from(await answer.arrayBuffer())
}

/** Waits until all the ids are listed, or says which are not. */
export async function untilListed(
  reader: Reader,
  ids: Iterable<string>,
  timeoutMs = 20_000,
): Promise<readonly Listed[]> {
  const wanted = [...ids]
  for (const end = Date.now() + timeoutMs; ; await sleep(100)) {
    const listed = await listReceived(reader)
    const found = new Set(listed.map(({ id }) => id))
    const missing = wanted.filter((id) => !found.has(id))
    if (missing.length === 0) return listed
    if (Date.now() > end)
      throw new Error(`${missing.length} of ${wanted.length} are not listed: ${missing.slice(0, 5)}`)
  }
}

/** Waits until a message can be read. @throws {Error} after `timeoutMs` */
export async function untilReceived({ url, apiKey }: Reader, id: string, timeoutMs = 20_000): Promise<void> {
  const headers = { Authorization: `Bearer ${apiKey}` }
  for (const end = Date.now() + timeoutMs; ; await sleep(20)) {
    const answer = await fetch(`${url}/emails/receiving/${id}`, { headers, signal: AbortSignal.timeout(30_000) })
    await answer.arrayBuffer()
    if (answer.status === 200) return
    if (answer.status !== 404 || Date.now() > end) throw new Error(`${id} answers ${answer.status}`)
  }
}

async function get({ url, apiKey }: Reader, path: string): Promise<unknown> {
  const headers = { Authorization: `Bearer ${apiKey}` }
  const answer = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(30_000) })
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}
