/**
 * Keeps one endpoint from delaying another, inside one process. Each endpoint has a lane: a limit of requests at the
 * same time, which grows with quick answers and falls with slow ones. What finds its lane full waits a moment; what
 * finds it stuck (a request is out for longer than that) is put off at once, so a batch is held up by a few requests
 * of a bad endpoint and no more. Three failures in a row that held a connection pause the lane; the pause is written
 * to the endpoint's row, so that every process hears of it with the row it reads anyway.
 * Only time counts here: quick refusals hold nothing up, and the retry schedule is enough for them.
 */
import type { Endpoint } from './rows.ts'

export type Slot = {
  /** Frees the slot. Answers how long to pause the endpoint (ms), 0 for not at all. */
  leave(result: { readonly ok: boolean; readonly elapsedMs: number }): number
}
/** `paused`: the endpoint hangs; `busy`: it has enough requests for the moment. */
export type PutOff = { readonly putOff: 'paused' | 'busy'; readonly waitMs: number }

export interface Lanes {
  enter(endpoint: Endpoint, now: number): Promise<Slot | PutOff>
}

const FIRST_LIMIT = 4
const MAX_LIMIT = 64
/** Lanes are remembered for so many endpoints; idle ones are forgotten. */
const MAX_LANES = 10_000
/** Requests of all lanes together that may be out for long while unproven endpoints still get new ones. */
const MAX_STUCK = 24
/**
 * What one process should dispatch at the same time. A request that is out, or waits for its turn, holds a loop: with fewer loops
 * than a slow lane may have requests out, it would hold them all. Far more events in hand than may be on their way are only
 * garbage that lives long.
 */
export const DISPATCHED_AT_ONCE = { concurrency: MAX_LIMIT, batch: 6 } as const
const STRIKES = 3
const MIN_WAIT_MS = 1000
const FIRST_PAUSE_MS = 30_000
const MAX_PAUSE_MS = 5 * 60_000

/** When it began, by performance.now(). */
type Request = { readonly from: number }
type Lane = {
  limit: number
  strikes: number
  pausedUntil: number
  readonly out: Set<Request>
  /** In order of arrival; a turn is given with its slot, so that nobody who comes later takes it. */
  readonly waiting: Set<(request: Request) => void>
}

/** `slowMs`: from here on a request counts as slow. */
export function lanes(options: { readonly slowMs: number; readonly patienceMs: number }): Lanes {
  const all = new Map<string, Lane>()
  /** Of all lanes, oldest first. */
  const out = new Set<Request>()
  const laneOf = (endpoint: Endpoint): Lane => {
    const lane = all.get(endpoint.id) ?? newLane(endpoint)
    all.set(endpoint.id, lane)
    if (all.size > MAX_LANES) forgetOne(all)
    return lane
  }
  return {
    enter: async (endpoint, now) => {
      const lane = laneOf(endpoint)
      const pausedUntil = Math.max(lane.pausedUntil, endpoint.pausedUntil)
      if (pausedUntil > now) return { putOff: 'paused', waitMs: spread(pausedUntil - now) }
      const isStuck = () =>
        (lane.limit <= FIRST_LIMIT && areStuck(out, MAX_STUCK, options.patienceMs)) ||
        (isFull(lane) && areStuck(lane.out, 1, options.patienceMs))
      if (isStuck()) await caughtUp()
      if (isStuck()) return busy(lane)
      const request = isFull(lane) ? await turn(lane, options.patienceMs) : begin(lane, out)
      return request ? slotOf({ lane, out, request }, endpoint, options.slowMs, now) : busy(lane)
    },
  }
}

/** Answers that came while the process itself was held up are read before this resolves. */
const caughtUp = () => new Promise<void>((resolve) => setImmediate(resolve))

const isFull = (lane: Lane) => lane.out.size >= lane.limit

function begin(lane: Lane, out: Set<Request>): Request {
  const request = { from: performance.now() }
  lane.out.add(request)
  out.add(request)
  return request
}

/** As long again as the lane is stuck already, so that what piles up is not moved around each second. */
function busy(lane: Lane): PutOff {
  const [oldest] = lane.out
  const stuckMs = oldest === undefined ? 0 : performance.now() - oldest.from
  return { putOff: 'busy', waitMs: spread(Math.max(MIN_WAIT_MS, stuckMs)) }
}
/** Up to a quarter more, so that those put off together don't come back together. */
const spread = (ms: number) => Math.ceil(ms * (1 + Math.random() / 4))

function newLane(endpoint: Endpoint): Lane {
  const suspect = endpoint.pauses > 0
  return {
    limit: suspect ? 1 : FIRST_LIMIT,
    strikes: suspect ? STRIKES - 1 : 0,
    pausedUntil: 0,
    out: new Set(),
    waiting: new Set(),
  }
}

function forgetOne(all: Map<string, Lane>): void {
  for (const [id, lane] of all) {
    if (lane.out.size > 0 || lane.waiting.size > 0) continue
    all.delete(id)
    return
  }
}

/** Are at least `count` requests out for longer than `patienceMs`? Sets keep their order: the oldest come first. */
function areStuck(out: ReadonlySet<Request>, count: number, patienceMs: number): boolean {
  const before = performance.now() - patienceMs
  let stuck = 0
  for (const { from } of out) {
    if (from >= before) return false
    stuck++
    if (stuck >= count) return true
  }
  return false
}

function turn(lane: Lane, patienceMs: number): Promise<Request | undefined> {
  return new Promise((resolve) => {
    const done = (request?: Request) => {
      clearTimeout(timer)
      lane.waiting.delete(done)
      resolve(request)
    }
    const timer = setTimeout(() => void caughtUp().then(() => done()), patienceMs)
    lane.waiting.add(done)
  })
}

type Place = { readonly lane: Lane; readonly out: Set<Request>; readonly request: Request }

function slotOf({ lane, out, request }: Place, endpoint: Endpoint, slowMs: number, now: number): Slot {
  return {
    leave: ({ ok, elapsedMs }) => {
      lane.out.delete(request)
      out.delete(request)
      if (elapsedMs < slowMs) {
        lane.limit = Math.min(MAX_LIMIT, lane.limit * 2)
        lane.strikes = 0
      } else {
        lane.limit = ok ? Math.max(1, Math.min(FIRST_LIMIT, lane.limit >> 1)) : 1
        lane.strikes = ok ? 0 : lane.strikes + 1
      }
      for (const give of lane.waiting) {
        if (isFull(lane)) break
        give(begin(lane, out))
      }
      return lane.strikes < STRIKES ? 0 : pause(lane, endpoint, now + elapsedMs)
    },
  }
}

/** Requests that were out together strike together: only the first of them pauses. */
function pause(lane: Lane, endpoint: Endpoint, now: number): number {
  if (lane.pausedUntil > now) return 0
  const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(endpoint.pauses, 10))
  lane.pausedUntil = now + pauseMs
  return pauseMs
}
