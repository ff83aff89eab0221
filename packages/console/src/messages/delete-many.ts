/** Finds the messages that a filter shows, and deletes messages, a few at a time. */
import { type Api, ApiError } from '../api/client.ts'
import { type ActivityPage, type Named, pathOf } from '../api/messages.ts'
import { type Filter, queryOf } from './filter.ts'

/** The most messages that are found and deleted in one go. */
export const MOST_AT_ONCE = 20_000
const PAGE = 100
/** A browser opens six connections to a host; the live list and whatever is opened meanwhile need some. */
const IN_PARALLEL = 4
/** Failures in a row after which the rest is not tried. A message that is still being sent, which is a conflict, says nothing of the rest. */
const MOST_FAILURES = 8

/** Finds all messages that `filter` shows now, at most 20,000. `found` is told how many there are so far. */
export async function findAll(
  api: Pick<Api, 'get'>,
  filter: Filter,
  signal: AbortSignal,
  found: (count: number) => void,
): Promise<readonly Named[]> {
  const all: Named[] = []
  let after: string | undefined
  do {
    const query = { ...queryOf(filter), after, limit: PAGE }
    const page = await api.get<ActivityPage>('/activity', query, signal)
    all.push(...page.data.map(({ direction, id }) => ({ direction, id })))
    found(all.length)
    after = page.next ?? undefined
  } while (after !== undefined && all.length < MOST_AT_ONCE)
  return all.slice(0, MOST_AT_ONCE)
}

/** The ids that are gone, and how many were refused. `error`: the last refusal, in the server's own words. */
export type Deletion = { readonly deleted: ReadonlySet<string>; readonly failed: number; readonly error?: ApiError }

/**
 * Deletes messages, four at a time, until all were tried, the signal aborts, or the server fails eight times in a row.
 * One that is gone already counts as deleted; one that is still being sent is refused. `progress` is told after each.
 */
export async function deleteAll(
  api: Pick<Api, 'delete'>,
  messages: readonly Named[],
  signal: AbortSignal,
  progress: (done: Deletion) => void,
): Promise<Deletion> {
  const deleted = new Set<string>()
  const left = messages.values()
  let failed = 0
  let inARow = 0
  let error: ApiError | undefined
  const state = (): Deletion => ({ deleted, failed, ...(error && { error }) })
  const work = async () => {
    for (const message of left) {
      if (signal.aborted || inARow >= MOST_FAILURES) return
      const refusal = await refusalOf(api.delete(pathOf(message)))
      if (refusal === undefined) deleted.add(message.id)
      else failed++
      if (refusal?.status !== 409) inARow = refusal === undefined ? 0 : inARow + 1
      error = refusal ?? error
      progress(state())
    }
  }
  await Promise.all(Array.from({ length: IN_PARALLEL }, work))
  return state()
}

async function refusalOf(deletion: Promise<unknown>): Promise<ApiError | undefined> {
  try {
    await deletion
    return undefined
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return error.status === 404 ? undefined : error
  }
}
