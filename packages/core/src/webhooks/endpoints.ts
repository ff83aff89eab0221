/** Webhook endpoints of an account: their rows, and the operations on them. */
import { MailError } from '../errors.ts'
import { checkUrl, GuardError } from '../net/url.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Attrs, Item, Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow, row } from '../store/codec.ts'
import { addCounted, oneLess } from '../store/counts.ts'
import { countKey, endpointKey, endpointPartition } from '../store/keys.ts'
import { transactIf, writeIf } from '../store/once.ts'
import { type ListPage, listRows, loggedPage, type PageOptions, readableRows } from '../store/pages.ts'
import { WIRE_EVENT_TYPES, type WireEventType } from './event-types.ts'
import { newSecret } from './sign.ts'

export type Endpoint = {
  readonly id: string
  readonly url: string
  readonly events: readonly WireEventType[]
  readonly enabled: boolean
  readonly createdAt: Date
  readonly secret: string
  /** Rotated secrets that still sign, newest first; `until` in epoch ms. */
  readonly previous: readonly { readonly secret: string; readonly until: number }[]
  /** Nothing is sent before (epoch ms): its last requests held a connection and failed. 0 if never. */
  readonly pausedUntil: number
  /** Pauses since the last success. */
  readonly pauses: number
  /** The first delivery since the last success was given up then (epoch ms). 0 if none. */
  readonly failingSince: number
}

export type EndpointPorts = {
  readonly table: Table
  readonly clock: Clock
  readonly ids: Ids
  readonly caches: Caches
  /** Allows endpoints with private addresses or plain http. */
  readonly allowPrivate: boolean
}

/** Endpoints of an account; each event is compared with all of them. */
const MAX_ENDPOINTS = 50
/** The time for which a rotated secret goes on signing. */
const OVERLAP_MS = 24 * 3600_000
const MAX_PREVIOUS = 4

/**
 * Makes an enabled endpoint with its own secret.
 * @throws {MailError} `invalid_message` for the URL, an unknown event type, or one endpoint too many
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
    secret: newSecret(ports.ids),
    previous: [],
    pausedUntil: 0,
    pauses: 0,
    failingSince: 0,
  }
  const put = { kind: 'put', item: endpointItem(accountId, endpoint), if: [{ exists: false }] } as const
  const isNew = await addCounted(ports.table, countKey(accountId, 'webhooks'), MAX_ENDPOINTS, [put])
  ports.caches.endpoints.clear()
  if (isNew) return endpoint
  throw new MailError('invalid_message', `An account can have at most ${MAX_ENDPOINTS} webhooks. Delete one first.`)
}

function endpointItem(accountId: string, { id, createdAt, events, previous, ...rest }: Endpoint): Item {
  const attrs = { ...rest, events: [...events], previous: [...previous], at: createdAt.getTime() }
  return row('endpoint', endpointKey(accountId, id), attrs)
}

/** @throws {StoreError} `UnknownFormat` */
export function endpointOf(stored: Item): Endpoint {
  const item = readRow('endpoint', stored)
  return {
    id: item.sk,
    url: item.url as string,
    events: item.events as readonly WireEventType[],
    enabled: item.enabled as boolean,
    createdAt: new Date(item.at as number),
    secret: item.secret as string,
    previous: item.previous as unknown as Endpoint['previous'],
    pausedUntil: item.pausedUntil as number,
    pauses: item.pauses as number,
    failingSince: item.failingSince as number,
  }
}

/**
 * The rows of all endpoints of the account, newest first, as they were at most five seconds ago, and not before `after`
 * (epoch ms): an endpoint that was made before an event happened gets it.
 */
export async function endpointRows(
  { table, caches }: Pick<EndpointPorts, 'table' | 'caches'>,
  accountId: string,
  after?: number,
): Promise<readonly Item[]> {
  const query = { pk: endpointPartition(accountId), reverse: true, limit: 2 * MAX_ENDPOINTS }
  const read = async () => (await table.query(query)).items
  return (await caches.endpoints.get({ pk: query.pk, sk: '' }, read, after)) ?? []
}

/** The endpoints of `endpointRows`. One that cannot be read is logged and keeps nothing from the others. */
export async function listEndpoints(
  ports: Pick<EndpointPorts, 'table' | 'caches'> & { readonly log: Log },
  accountId: string,
  after?: number,
): Promise<readonly Endpoint[]> {
  return loggedPage(ports, readableRows(await endpointRows(ports, accountId, after), endpointOf)).items
}

/** A page of the account's endpoints, newest first. */
export function listEndpointPage(table: Table, accountId: string, options: PageOptions): Promise<ListPage<Endpoint>> {
  return listRows(table, { pk: endpointPartition(accountId) }, options, endpointOf)
}

/** @throws {MailError} `not_found` */
export async function getEndpoint(table: Table, accountId: string, id: string): Promise<Endpoint> {
  const item = await table.get(endpointKey(accountId, id))
  if (item === undefined) throw notFound()
  return endpointOf(item)
}

/**
 * Changes the fields that are named. Enabling it, or another URL, forgets earlier failures.
 * @throws {MailError} `not_found`; `invalid_message` for the URL or an unknown event type
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
  const update = { kind: 'update', key: endpointKey(accountId, id), set, if: [{ exists: true }] } as const
  const isThere = await writeIf(ports.table, update)
  ports.caches.endpoints.clear()
  if (!isThere) throw notFound()
}

/** Deletes the endpoint and drops the events on their way to it. @throws {MailError} `not_found` */
export async function deleteEndpoint(
  { table, caches }: Pick<EndpointPorts, 'table' | 'caches'>,
  accountId: string,
  id: string,
): Promise<void> {
  const removal = { kind: 'delete', key: endpointKey(accountId, id), if: [{ exists: true }] } as const
  const isDeleted = await transactIf(table, [removal, oneLess(countKey(accountId, 'webhooks'))])
  caches.endpoints.clear()
  if (!isDeleted) throw notFound()
}

/**
 * Makes a new secret. The old one goes on signing for 24 hours, so that a receiver can change over at its own pace; after
 * several rotations within that time, the last four do.
 * @throws {MailError} `not_found`; `conflict` if another rotation came between
 */
export async function rotateSecret(ports: EndpointPorts, accountId: string, id: string): Promise<Endpoint> {
  const endpoint = await getEndpoint(ports.table, accountId, id)
  const now = ports.clock.now()
  const live = endpoint.previous.filter(({ until }) => until > now)
  const previous = [{ secret: endpoint.secret, until: now + OVERLAP_MS }, ...live].slice(0, MAX_PREVIOUS)
  const secret = newSecret(ports.ids)
  const rotated = await writeIf(ports.table, {
    kind: 'update',
    key: endpointKey(accountId, id),
    set: { secret, previous },
    if: [{ attr: 'secret', op: '=', value: endpoint.secret }],
  })
  ports.caches.endpoints.clear()
  if (!rotated) throw new MailError('conflict', 'The signing secret was changed at the same time.')
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

function checkedEvents(events: readonly string[]): readonly WireEventType[] {
  const known: readonly string[] = WIRE_EVENT_TYPES
  const unknown = events.find((event) => !known.includes(event))
  if (unknown !== undefined || events.length === 0) {
    const problem = unknown === undefined ? 'it is empty' : `\`${unknown.slice(0, 64)}\` is no event type`
    throw new MailError(
      'invalid_message',
      `Invalid \`events\` field: ${problem}. Choose from ${WIRE_EVENT_TYPES.join(', ')}.`,
    )
  }
  return WIRE_EVENT_TYPES.filter((type) => events.includes(type))
}

const notFound = () => new MailError('not_found', 'Webhook not found')
