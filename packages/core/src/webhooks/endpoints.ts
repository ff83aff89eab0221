import { MailError } from '../errors.ts'
import { checkUrl, GuardError } from '../net/url.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Attrs, isConditionFailed, type Table } from '../ports/table.ts'
import { EVENT_TYPES, type EventType } from './event.ts'
import { type Endpoint, endpointItem, endpointKey, endpointOf } from './rows.ts'
import { newSecret } from './sign.ts'

export type EndpointPorts = {
  readonly table: Table
  readonly clock: Clock
  readonly ids: Ids
  /** May endpoints have private addresses and plain http? */
  readonly allowPrivate: boolean
}

/** An account has at most so many; each event is compared with all of them. */
export const MAX_ENDPOINTS = 50
/** A rotated secret goes on signing for a day. */
const OVERLAP_MS = 24 * 3600_000
const MAX_PREVIOUS = 4

/**
 * A new, enabled endpoint with its own secret. Two at the same moment may pass the limit by one.
 * @throws {MailError} `invalid_message` for the URL, an event we don't send, or one endpoint too many
 */
export async function createEndpoint(
  ports: EndpointPorts,
  accountId: string,
  wanted: { readonly url: string; readonly events: readonly string[] },
): Promise<Endpoint> {
  const endpoint: Endpoint = {
    id: ports.ids.next(),
    url: checkedUrl(wanted.url, ports.allowPrivate),
    events: checkedEvents(wanted.events),
    enabled: true,
    createdAt: new Date(ports.clock.now()),
    secret: newSecret(),
    previous: [],
    pausedUntil: 0,
    pauses: 0,
    failingSince: 0,
  }
  const present = await listEndpoints(ports.table, accountId)
  if (present.length >= MAX_ENDPOINTS) {
    throw new MailError('invalid_message', `An account can have at most ${MAX_ENDPOINTS} webhooks. Delete one first.`)
  }
  await ports.table.write({ kind: 'put', item: endpointItem(accountId, endpoint), if: [{ exists: false }] })
  return endpoint
}

/** All endpoints of the account, newest first. One query. */
export async function listEndpoints(table: Table, accountId: string): Promise<readonly Endpoint[]> {
  const { pk } = endpointKey(accountId, '-')
  const page = await table.query({ pk, reverse: true, limit: 2 * MAX_ENDPOINTS })
  return page.items.map(endpointOf)
}

/** @throws {MailError} `not_found` */
export async function getEndpoint(table: Table, accountId: string, id: string): Promise<Endpoint> {
  const item = await table.get(endpointKey(accountId, id))
  if (item === undefined) throw notFound()
  return endpointOf(item)
}

/**
 * Changes what is named. Enabling forgets earlier failures.
 * @throws {MailError} `not_found`; `invalid_message` for the URL or an event we don't send
 */
export async function updateEndpoint(
  ports: EndpointPorts,
  accountId: string,
  id: string,
  change: { readonly url?: string; readonly events?: readonly string[]; readonly enabled?: boolean },
): Promise<void> {
  const fresh = change.enabled || change.url !== undefined
  const set: Attrs = {
    ...(change.url !== undefined && { url: checkedUrl(change.url, ports.allowPrivate) }),
    ...(change.events !== undefined && { events: [...checkedEvents(change.events)] }),
    ...(change.enabled !== undefined && { enabled: change.enabled }),
    ...(fresh && { pausedUntil: 0, pauses: 0, failingSince: 0 }),
  }
  await ifPresent(ports.table.write({ kind: 'update', key: endpointKey(accountId, id), set, if: [{ exists: true }] }))
}

/** Events on their way to it are dropped. @throws {MailError} `not_found` */
export async function deleteEndpoint(table: Table, accountId: string, id: string): Promise<void> {
  await ifPresent(table.write({ kind: 'delete', key: endpointKey(accountId, id), if: [{ exists: true }] }))
}

/**
 * A new secret. The old one signs too for 24 hours, so that a receiver can change over at its own pace; of several
 * rotations within that time the last four.
 * @throws {MailError} `not_found`; `conflict` if another rotation came between
 */
export async function rotateSecret(ports: EndpointPorts, accountId: string, id: string): Promise<Endpoint> {
  const endpoint = await getEndpoint(ports.table, accountId, id)
  const now = ports.clock.now()
  const live = endpoint.previous.filter(({ until }) => until > now)
  const previous = [{ secret: endpoint.secret, until: now + OVERLAP_MS }, ...live].slice(0, MAX_PREVIOUS)
  const secret = newSecret()
  try {
    await ports.table.write({
      kind: 'update',
      key: endpointKey(accountId, id),
      set: { secret, previous },
      if: [{ attr: 'secret', op: '=', value: endpoint.secret }],
    })
  } catch (error) {
    if (isConditionFailed(error)) throw new MailError('conflict', 'The signing secret was changed at the same time.')
    throw error
  }
  return { ...endpoint, secret, previous }
}

/** The secrets that sign at `now` (epoch ms), the current one first. */
export function signingSecrets(endpoint: Endpoint, now: number): readonly string[] {
  return [endpoint.secret, ...endpoint.previous.filter(({ until }) => until > now).map(({ secret }) => secret)]
}

function checkedUrl(text: string, allowPrivate: boolean): string {
  try {
    return checkUrl(text, allowPrivate).href
  } catch (error) {
    if (error instanceof GuardError)
      throw new MailError('invalid_message', `Invalid \`endpoint\` field: ${error.message}`)
    throw error
  }
}

function checkedEvents(events: readonly string[]): readonly EventType[] {
  const known: readonly string[] = EVENT_TYPES
  const unknown = events.find((event) => !known.includes(event))
  if (unknown !== undefined || events.length === 0) {
    const problem = unknown === undefined ? 'it is empty' : `\`${unknown.slice(0, 64)}\` is not sent`
    throw new MailError(
      'invalid_message',
      `Invalid \`events\` field: ${problem}. Choose from ${EVENT_TYPES.join(', ')}.`,
    )
  }
  return EVENT_TYPES.filter((type) => events.includes(type))
}

async function ifPresent(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (isConditionFailed(error)) throw notFound()
    throw error
  }
}

const notFound = () => new MailError('not_found', 'Webhook not found')
