/** What was sent to an endpoint, for people to read; and to send it again. */
import { MailError } from '../errors.ts'
import { isConditionFailed, type Table } from '../ports/table.ts'
import { getEndpoint } from './endpoints.ts'
import { getTelling, type Telling } from './event.ts'
import { HEAL_MS } from './outcome.ts'
import { type QueuePorts, queueNext } from './record.ts'
import { dayKey, dayOfEvent, type Hook, hookItem, hookKey, hookOf, hookPartition, isEventId } from './rows.ts'

export type HookPage = { readonly hooks: readonly Hook[]; readonly hasMore: boolean }

/** A request reads at most so many days; what lies before is reached with `after`. */
const MAX_DAYS = 20

/**
 * Newest first by the time of the message, from `after` (an event id) on, without it.
 * @throws {MailError} `not_found` for the endpoint, `invalid_parameter` for `after`
 */
export async function listHooks(
  table: Table,
  accountId: string,
  endpointId: string,
  page: { readonly limit: number; readonly after?: string | undefined },
): Promise<HookPage> {
  await getEndpoint(table, accountId, endpointId)
  const { limit, after } = page
  if (after !== undefined && !isEventId(after))
    throw new MailError('invalid_parameter', 'Invalid `after`: not an event id.')
  const days = await table.query({
    pk: dayKey(accountId, endpointId, '-').pk,
    from: dayKey(accountId, endpointId, '').sk,
    to: dayKey(accountId, endpointId, after === undefined ? '~' : dayOfEvent(after)).sk,
    reverse: true,
    limit: MAX_DAYS,
  })
  const hooks: Hook[] = []
  for (const { sk } of days.items) {
    const pk = hookPartition(accountId, endpointId, sk.split('#')[2]!)
    const upTo = after === undefined ? {} : { to: after, from: 'msg_' }
    const found = await table.query({ pk, ...upTo, reverse: true, limit: limit + 2 - hooks.length })
    hooks.push(...found.items.filter((item) => item.sk !== after).map(hookOf))
    if (hooks.length > limit) return { hooks: hooks.slice(0, limit), hasMore: true }
  }
  return { hooks, hasMore: days.cursor !== undefined && hooks.length > 0 }
}

/** @throws {MailError} `not_found` before the first attempt, too */
export async function getHook(table: Table, accountId: string, endpointId: string, eventId: string): Promise<Hook> {
  const item = isEventId(eventId) ? await table.get(hookKey(accountId, endpointId, eventId)) : undefined
  if (item === undefined) throw new MailError('not_found', 'Webhook event not found')
  return hookOf(item)
}

/** A delivery and the event whose payload it carries. @throws {MailError} `not_found` */
export async function getHookEvent(
  table: Table,
  accountId: string,
  endpointId: string,
  eventId: string,
): Promise<{ readonly hook: Hook; readonly event: Telling }> {
  const hook = await getHook(table, accountId, endpointId, eventId)
  const event = await getTelling(table, accountId, hook.messageId, eventId)
  if (event === undefined) throw new MailError('not_found', 'Webhook event not found')
  return { hook, event }
}

/**
 * Sends an event again, now, with its own id and the whole schedule before it; whether it had arrived or not. The row
 * carries `due` before the entry is queued.
 * @throws {MailError} `not_found`; `conflict` if the endpoint is disabled, or an attempt was recorded at the same time
 */
export async function replay(ports: QueuePorts, accountId: string, endpointId: string, eventId: string): Promise<void> {
  const endpoint = await getEndpoint(ports.table, accountId, endpointId)
  if (!endpoint.enabled) throw new MailError('conflict', 'The webhook is disabled. Enable it first.')
  const { hook } = await getHookEvent(ports.table, accountId, endpointId, eventId)
  const now = ports.clock.now()
  const again: Hook = {
    ...hook,
    status: 'pending',
    base: hook.made,
    since: now,
    nextAt: now,
    dueAt: now + HEAL_MS,
  }
  try {
    await ports.table.write({
      kind: 'put',
      item: hookItem(accountId, again, now),
      if: [{ attr: 'made', op: '=', value: hook.made }],
    })
  } catch (error) {
    if (isConditionFailed(error)) throw new MailError('conflict', 'The event is being sent at this moment.')
    throw error
  }
  await queueNext(ports, accountId, again, 0)
}
