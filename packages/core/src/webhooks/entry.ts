/** An entry of the webhook queue: which event goes to which endpoint, and the number of the attempt; never content. */
export type WebhookEntry = {
  readonly account: string
  readonly endpoint: string
  readonly message: string
  readonly event: string
  /** Counts the attempts of this event at this endpoint from 1, over all replays. */
  readonly attempt: number
  /** When the first attempt was put off for the first time (epoch ms). */
  readonly since?: number | undefined
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
  const { event, attempt, since } = entry
  const named = NAMES.every((name) => typeof entry[name] === 'string' && entry[name] !== '')
  const known = typeof event === 'string' && EVENT.test(event)
  const counted = Number.isInteger(attempt) && attempt >= 1 && (since === undefined || Number.isInteger(since))
  if (entry.v !== 1 || !named || !known || !counted) throw new Error('this is no entry of the webhook queue')
  return entry
}
