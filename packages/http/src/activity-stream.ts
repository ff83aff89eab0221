/**
 * GET /stream: changes of the account's messages as server-sent events (WHATWG HTML section 9.2), while they are
 * committed. Events carry the cursor of /activity/changes as their id, so that a reader goes on where it was.
 */
import type { Changes } from '@kabutar/core/messages/activity.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Context, Hono } from 'hono'
import { type ActivityPorts, isEmpty, wireChanges } from './activity.ts'
import { accountOf, type Env } from './env.ts'
import type { OpenStreams } from './open-streams.ts'

export type StreamPorts = ActivityPorts & {
  readonly clock: Clock
  readonly streams: OpenStreams
  /** True while the key or the session of a request is valid. */
  isSignedIn(c: Context): Promise<boolean>
  /** Closes the connection of a request whose reader takes nothing any more. */
  cut(c: Context): void
}

const KEEP_ALIVE_MS = 15_000
/** Changes that come together are told together. */
const BUNDLE_MS = 250
const MAX_STREAM_MS = 15 * 60_000
const SLOW_MS = 30_000

export function activityStream(ports: StreamPorts, wait: NonNullable<Changes['wait']>) {
  return new Hono<Env>().get('/', async (c) => {
    const accountId = accountOf(c)
    ports.streams.refuseIfFull(accountId)
    const cursor = c.req.header('Last-Event-ID') ?? c.req.query('after') ?? (await ports.changes.cursor(accountId))
    const ended = new AbortController()
    const signal = AbortSignal.any([ports.ending, c.req.raw.signal, ended.signal])
    const isSignedIn = () => ports.isSignedIn(c)
    const events = eventsAfter({ ...ports, wait, signal, isSignedIn }, accountId, cursor)
    const stream = { accountId, isSignedIn, end: () => ended.abort() }
    const body = ReadableStream.from(encoded(counted(ports.streams, stream, noSlowReader(ports, c, events))))
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
  // What a reader sent comes back only if it is a cursor: a line feed in it would begin events of its own.
  const isKnown = (await changes.after(accountId, from)) !== undefined
  yield eventOf('hello', isKnown ? from : undefined, {})
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

const eventOf = (event: string, id: string | undefined, data: object) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

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

async function* counted(
  streams: OpenStreams,
  stream: Parameters<OpenStreams['add']>[0],
  events: AsyncIterable<string>,
): AsyncGenerator<string> {
  const remove = streams.add(stream)
  try {
    yield* events
  } finally {
    remove()
  }
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text)
}
