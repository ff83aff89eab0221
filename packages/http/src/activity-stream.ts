/**
 * GET /stream: changes of the account's messages as server-sent events (WHATWG HTML section 9.2), while they are
 * committed. Events carry the cursor of /activity/changes as their id, so that a reader goes on where it was.
 */
import { MailError } from '@kabutar/core/errors.ts'
import type { Changes } from '@kabutar/core/messages/activity.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Context, Hono } from 'hono'
import { type ActivityPorts, isEmpty, wireChanges } from './activity.ts'
import { accountOf, type Env } from './env.ts'

export type StreamPorts = ActivityPorts & {
  readonly clock: Clock
  /** True while the key or the session of a request is valid. */
  isSignedIn(c: Context): Promise<boolean>
  /** Closes the connection of a request whose reader takes nothing any more. */
  cut(c: Context): void
}

const MAX_STREAMS = 100
const KEEP_ALIVE_MS = 15_000
/** Changes that come together are told together. */
const BUNDLE_MS = 250
const MAX_STREAM_MS = 15 * 60_000
const SLOW_MS = 30_000

export function activityStream(ports: StreamPorts, wait: NonNullable<Changes['wait']>) {
  const streams = new Set<symbol>()
  return new Hono<Env>().get('/', async (c) => {
    if (streams.size >= MAX_STREAMS) {
      throw new MailError('busy', `${MAX_STREAMS} streams are open. Ask /activity/changes.`)
    }
    const accountId = accountOf(c)
    const cursor = c.req.header('Last-Event-ID') ?? c.req.query('after') ?? (await ports.changes.cursor(accountId))
    const signal = AbortSignal.any([ports.ending, c.req.raw.signal])
    const events = eventsAfter({ ...ports, wait, signal, isSignedIn: () => ports.isSignedIn(c) }, accountId, cursor)
    const body = ReadableStream.from(encoded(counted(streams, noSlowReader(ports, c, events))))
    const headers = { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }
    return new Response(body as ReadableStream<Uint8Array>, { headers })
  })
}

type EventPorts = ActivityPorts & {
  readonly clock: Clock
  readonly wait: NonNullable<Changes['wait']>
  readonly signal: AbortSignal
  isSignedIn(): Promise<boolean>
}

/** The text of the events, one after the other, until the signal aborts, the time is over, or the reader's key or session has ended. */
async function* eventsAfter(ports: EventPorts, accountId: string, from: string): AsyncGenerator<string> {
  const { clock, signal, changes } = ports
  const end = clock.monotonic() + MAX_STREAM_MS
  let cursor = from
  yield eventOf('hello', cursor, {})
  while (!signal.aborted && clock.monotonic() < end) {
    const found = await changes.after(accountId, cursor)
    const fresh = found ?? { items: [], deleted: [], cursor: await changes.cursor(accountId) }
    // A key may be deleted while its reader waits; what was found since is not told.
    if (!(await ports.isSignedIn())) return
    cursor = fresh.cursor
    if (found === undefined || !isEmpty(found)) {
      const { cursor: _, ...data } = wireChanges(ports, fresh, found === undefined)
      yield eventOf('changes', cursor, data)
      await clock.sleep(BUNDLE_MS, signal)
      continue
    }
    const since = clock.monotonic()
    await ports.wait(accountId, cursor, KEEP_ALIVE_MS, signal)
    if (clock.monotonic() - since >= KEEP_ALIVE_MS) yield ': keep-alive\n\n'
  }
}

const eventOf = (event: string, id: string, data: object) =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** Cuts the connection of a reader that has not taken an event for half a minute. */
async function* noSlowReader(
  { clock, cut }: StreamPorts,
  c: Context,
  events: AsyncIterable<string>,
): AsyncGenerator<string> {
  for await (const event of events) {
    const cancel = clock.after(SLOW_MS, () => cut(c))
    try {
      yield event
    } finally {
      cancel()
    }
  }
}

async function* counted(streams: Set<symbol>, events: AsyncIterable<string>): AsyncGenerator<string> {
  const stream = Symbol()
  streams.add(stream)
  try {
    yield* events
  } finally {
    streams.delete(stream)
  }
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text)
}
