/** What the webhook queue carries: whose event goes where for the how manieth time, never content. */
export type HookEntry = {
  readonly account: string
  readonly endpoint: string
  readonly message: string
  readonly event: string
  /** Of the event: it tells where the event lies. */
  readonly type?: string | undefined
  /** From 1; of this event at this endpoint, over all replays. */
  readonly attempt: number
  /** When the first attempt was put off for the first time (epoch ms). */
  readonly since?: number | undefined
}

export function encodeEntry(entry: HookEntry): string {
  return JSON.stringify({ v: 1, ...entry })
}

const NAMES = ['account', 'endpoint', 'message'] as const
const EVENT = /^msg_[0-9a-f]{32}$/

/**
 * By hand, since there is one for each delivery: a schema made 1.4 KB of garbage and took nearly a tenth of its time.
 * @throws {Error} for what encodeEntry did not write
 */
export function decodeEntry(body: string): HookEntry {
  const entry = JSON.parse(body) as HookEntry & { readonly v: unknown }
  const { event, type, attempt, since } = entry
  const named = NAMES.every((name) => typeof entry[name] === 'string' && entry[name] !== '')
  const known = typeof event === 'string' && EVENT.test(event) && (type === undefined || typeof type === 'string')
  const counted = Number.isInteger(attempt) && attempt >= 1 && (since === undefined || Number.isInteger(since))
  if (entry.v !== 1 || !named || !known || !counted) throw new Error('this is no entry of the webhook queue')
  return entry
}
