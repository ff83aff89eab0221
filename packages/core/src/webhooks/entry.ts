/** An entry of the webhook queue: which event goes to which endpoint, and the number of the attempt; never content. */
export type WebhookEntry = {
  readonly account: string
  readonly endpoint: string
  readonly message: string
  readonly event: string
  /** Counts the attempts of this event at this endpoint from 1, over all replays. */
  readonly attempt: number
  /** Entries of the same chain before this one, each queued by the one before; absent for the first. */
  readonly chained?: number | undefined
  /** The attempt was made and not recorded: it is not made again. */
  readonly result?: Result | undefined
}

/** The end of a request. `code` is the HTTP status, 0 if there was no answer; then `response` says why. `at`: epoch ms. */
export type Result = {
  readonly code: number
  readonly response: string
  readonly at: number
  /** Absent where nobody measured. */
  readonly durationMs?: number
}

/** Stands in place of an endpoint in an entry for all of them; dispatching it makes an entry for each. */
export const EVERY_ENDPOINT = '*'

export function webhookEntry(entry: WebhookEntry): string {
  return JSON.stringify({ v: 1, ...entry })
}

const NAMES = ['account', 'endpoint', 'message'] as const
const EVENT = /^msg_[0-9a-f]{32}$/

/**
 * Reads an entry without a schema library: there is one for each delivery, and zod took nearly a tenth of its time.
 * @throws {Error} for what webhookEntry did not write
 */
export function parseWebhookEntry(body: string): WebhookEntry {
  const entry = JSON.parse(body) as WebhookEntry & { readonly v: unknown }
  const { event, attempt, chained = 0, result } = entry
  const named = NAMES.every((name) => typeof entry[name] === 'string' && entry[name] !== '')
  const known = typeof event === 'string' && EVENT.test(event)
  const counted = Number.isInteger(attempt) && attempt >= 1 && Number.isInteger(chained)
  if (entry.v !== 1 || !named || !known || !counted || !isResult(result)) {
    throw new Error('this is no entry of the webhook queue')
  }
  return entry
}

function isResult(result: Result | undefined): boolean {
  if (result === undefined) return true
  return Number.isInteger(result?.code) && Number.isInteger(result.at) && typeof result.response === 'string'
}
