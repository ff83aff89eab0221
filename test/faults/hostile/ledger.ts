/** Counts at the end: everything that was acknowledged is found through the API, and every event was delivered. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '../../flows/support/server.ts'
import type { Acknowledged } from './attack.ts'
import type { Honest, Told } from './honest.ts'

/** `mallory` is left out where nobody attacks. */
type Keys = { readonly ada: string; readonly mallory?: string }

/** What an attacker sends and is larger is deleted once it was found, so that an hour of it fits a disk. */
const LARGE_BYTES = 1024 * 1024
/** For all pages of a list, while the server may be busy. */
const LIST_MS = 60_000
const PATHS = { sent: '/emails', received: '/emails/receiving' } as const
const FINAL = new Set(['delivered', 'failed', 'bounced'])

/** Asks with a key. A lost connection counts as status 0. */
async function ask({ url }: Server, key: string, path: string, method = 'GET') {
  try {
    const signal = AbortSignal.timeout(60_000)
    const answer = await fetch(url + path, { method, headers: { Authorization: `Bearer ${key}` }, signal })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  } catch {
    return { status: 0, body: {} }
  }
}

/** Ids of all messages of an account in one direction, with the last event of sent ones. */
async function listAll(server: Server, key: string, path: string): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>()
  const end = Date.now() + LIST_MS
  for (let query = '?limit=100', more = true; more; ) {
    const { status, body } = await ask(server, key, path + query)
    if (status !== 200) {
      if (Date.now() > end) throw new Error(`${path} answered ${status}`)
      await sleep(200)
      continue
    }
    const page = body as { has_more: boolean; data: { id: string; last_event?: string }[] }
    for (const { id, last_event } of page.data) found.set(id, last_event)
    query = `?limit=100&after=${page.data.at(-1)?.id}`
    more = page.has_more
  }
  return found
}

export type Ledger = {
  readonly noted: number
  /** Large messages that were read and deleted. */
  readonly deleted: number
  note(message: Acknowledged): void
  /** Reads and deletes large messages, until the signal aborts and none is left. */
  clean(signal: AbortSignal): Promise<void>
  /** Answers what is missing: at once if nothing is, else after `timeoutMs`. */
  missing(honest: Honest, told: Told, timeoutMs: number): Promise<Missing>
}
export type Missing = {
  /** Acknowledged, and not in a list, or not sent. */
  readonly messages: readonly string[]
  readonly webhooks: readonly string[]
}

export function openLedger(server: Server, keys: Keys): Ledger {
  const noted: Acknowledged[] = []
  const large: Acknowledged[] = []
  const deleted = new Set<string>()
  const cleanOne = async (message: Acknowledged): Promise<boolean> => {
    const [key = '', path] = [keys[message.owner], `${PATHS[message.direction]}/${message.id}`]
    const { status, body } = await ask(server, key, path)
    if (status !== 200 || (message.direction === 'sent' && !FINAL.has(String(body.last_event)))) return false
    if ((await ask(server, key, path, 'DELETE')).status !== 200) return false
    return (await ask(server, key, path)).status === 404
  }
  const listsOf = async (key: string | undefined) => ({
    sent: key === undefined ? new Map<string, string>() : await listAll(server, key, PATHS.sent),
    received: key === undefined ? new Map<string, string>() : await listAll(server, key, PATHS.received),
  })
  const look = async (honest: Honest, told: Told): Promise<Missing> => {
    const found = { ada: await listsOf(keys.ada), mallory: await listsOf(keys.mallory) }
    const isThere = ({ owner, direction, id }: Acknowledged) =>
      deleted.has(id) ||
      (direction === 'sent' ? FINAL.has(found[owner].sent.get(id) ?? '') : found[owner].received.has(id))
    const own = (['sent', 'received'] as const).flatMap((direction) =>
      [...honest[direction]].map((id): Acknowledged => ({ owner: 'ada', direction, id })),
    )
    const type = { sent: 'email.delivered', received: 'email.received' } as const
    return {
      messages: [...own, ...noted].filter((one) => !isThere(one)).map(({ direction, id }) => `${direction} ${id}`),
      webhooks: own
        .map(({ direction, id }) => [type[direction], id] as const)
        .flatMap(([name, id]) => (told.has(name, id) ? [] : [`${name} ${id}`])),
    }
  }
  return {
    get noted() {
      return noted.length
    },
    get deleted() {
      return deleted.size
    },
    note(message) {
      noted.push(message)
      if ((message.bytes ?? 0) > LARGE_BYTES) large.push(message)
    },
    async clean(signal) {
      while (!signal.aborted) {
        const message = large.shift()
        if (message === undefined) await sleep(200)
        else if (await cleanOne(message)) deleted.add(message.id)
        else {
          large.push(message)
          await sleep(200)
        }
      }
    },
    async missing(honest, told, timeoutMs) {
      for (const end = Date.now() + timeoutMs; ; await sleep(1000)) {
        const missing = await look(honest, told)
        if ((missing.messages.length === 0 && missing.webhooks.length === 0) || Date.now() > end) return missing
      }
    },
  }
}
