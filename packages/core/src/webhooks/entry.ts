import * as z from 'zod/mini'

const named = z.string().check(z.minLength(1))
const Entry = z.strictObject({
  v: z.literal(1),
  account: named,
  endpoint: named,
  message: named,
  event: z.string().check(z.regex(/^msg_[0-9a-f]{32}$/)),
  /** Of the event: it tells where the event lies. */
  type: z.optional(named),
  /** From 1; of this event at this endpoint, over all replays. */
  attempt: z.int().check(z.minimum(1)),
  /** When the first attempt was put off for the first time (epoch ms). */
  since: z.optional(z.int()),
})

/** What the webhook queue carries: whose event goes where for the how manieth time, never content. */
export type HookEntry = Readonly<Omit<z.infer<typeof Entry>, 'v'>>

export function encodeEntry(entry: HookEntry): string {
  return JSON.stringify({ v: 1, ...entry })
}

/** Throws on what encodeEntry did not write. */
export function decodeEntry(body: string): HookEntry {
  return Entry.parse(JSON.parse(body))
}
