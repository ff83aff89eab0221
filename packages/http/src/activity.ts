import { MailError } from '@kabutar/core/errors.ts'
import { type ActivityChanges, type Changes, listActivity } from '@kabutar/core/messages/activity.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import type { TimelinePorts } from '@kabutar/core/store/timeline.ts'
import { type Context, Hono } from 'hono'
import { activityOptionsOf, summaryOf } from './activity-wire.ts'
import { accountOf, type Env } from './env.ts'

export type ActivityPorts = TimelinePorts & {
  readonly log: Log
  readonly changes: Changes
  /** Aborts when the process ends: whoever waits is answered. */
  readonly ending: AbortSignal
}

const MAX_WAIT_SECONDS = 25

/** GET /activity, and GET /activity/changes, which waits for changes where the server can. */
export function activity(ports: ActivityPorts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const options = activityOptionsOf(c)
      // Read first, so that no change falls between the list and its cursor.
      const cursor = options.after === undefined ? await ports.changes.cursor(accountOf(c)) : undefined
      const { items, next = null } = loggedPage(ports, await listActivity(ports, accountOf(c), options))
      const data = items.map(summaryOf)
      return c.json({ object: 'list', has_more: next !== null, next, ...(cursor !== undefined && { cursor }), data })
    })
    .get('/changes', async (c) => {
      const { changes } = ports
      const [after, waitMs] = [c.req.query('after'), waitOf(c)]
      const found = after === undefined ? undefined : await awaited(ports, c, after, waitMs)
      const fresh = found ?? { items: [], deleted: [], cursor: await changes.cursor(accountOf(c)) }
      const reset = found === undefined && after !== undefined
      return c.json({ object: 'changes', ...wireChanges(ports, fresh, reset), retry_ms: changes.retryMs })
    })
}

export function wireChanges(ports: { readonly log: Log }, changes: ActivityChanges, reset: boolean) {
  const { items, deleted, cursor } = loggedPage(ports, changes)
  return { data: items.map(summaryOf), deleted, reset, cursor }
}

function waitOf(c: Context): number {
  const text = c.req.query('wait') ?? '0'
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : -1
  if (seconds >= 0 && seconds <= MAX_WAIT_SECONDS) return seconds * 1000
  throw new MailError('invalid_message', `The \`wait\` parameter must be a number from 0 to ${MAX_WAIT_SECONDS}.`)
}

async function awaited({ changes, ending }: ActivityPorts, c: Context<Env>, cursor: string, waitMs: number) {
  const accountId = accountOf(c)
  const found = await changes.after(accountId, cursor)
  if (found === undefined || !isEmpty(found) || waitMs === 0 || changes.wait === undefined) return found
  await changes.wait(accountId, found.cursor, waitMs, AbortSignal.any([ending, c.req.raw.signal]))
  return changes.after(accountId, found.cursor)
}

export const isEmpty = ({ items, deleted, skipped }: ActivityChanges): boolean =>
  items.length === 0 && deleted.length === 0 && skipped === undefined
