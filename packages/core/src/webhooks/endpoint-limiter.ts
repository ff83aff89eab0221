/**
 * Limits the requests to each endpoint inside one process, so that one endpoint does not delay another.
 *
 * Each endpoint has a limit of concurrent requests, which grows with fast answers and shrinks with slow ones. A request
 * over the limit waits a moment for a slot. If a request to the endpoint has been running for longer than that, further
 * ones are put off at once, so a bad endpoint holds up a batch by a few requests and no more. Three failures in a row that
 * each held a connection open pause the endpoint. The pause is written to the endpoint's row, which every process reads
 * anyway. Only time counts here: a quick refusal holds up nothing, and the retry schedule is enough for it.
 */
import type { Clock } from '../ports/clock.ts'
import type { Endpoint } from './endpoints.ts'

export type Slot = {
  /** Frees the slot. Answers how long to pause the endpoint (ms), 0 for not at all. */
  leave(result: { readonly ok: boolean; readonly elapsedMs: number }): number
}
/** `paused`: the endpoint hangs; `busy`: it has enough requests for the moment. */
export type PutOff = { readonly putOff: 'paused' | 'busy'; readonly waitMs: number }
/** `slowMs`: from here on a request counts as slow. `patienceMs`: the longest wait for a slot. */
export type LimiterOptions = { readonly slowMs: number; readonly patienceMs: number }
type LimiterPorts = { readonly clock: Clock; random(): number }

const FIRST_LIMIT = 4
const MAX_LIMIT = 64
/** Endpoints that are remembered; idle ones are forgotten. */
const MAX_ENDPOINTS = 10_000
/** Long-running requests of all endpoints together, above which an endpoint without a record gets no further request. */
const MAX_STUCK = 24
/**
 * The batches and loops with which one process dispatches. Each request holds a consumer loop, so there are as many loops as one
 * endpoint may have requests. A larger batch would only wait in memory.
 */
export const DISPATCHED_AT_ONCE = { concurrency: MAX_LIMIT, batch: 6 } as const
const STRIKES = 3
const MIN_WAIT_MS = 1000
const FIRST_PAUSE_MS = 30_000
const MAX_PAUSE_MS = 5 * 60_000
/** Clocks of two machines differ by less. */
const SET_BACK_MS = 60_000

/** A request that is running; `from` is when it began, by the monotonic clock. */
type Request = { readonly from: number }
type State = {
  limit: number
  strikes: number
  pausedUntil: number
  readonly running: Set<Request>
  /** Waiting requests in order of arrival. A turn comes with its slot, so that no later request takes it. */
  readonly waiting: Set<(request: Request) => void>
}

export class EndpointLimiter {
  readonly #ports: LimiterPorts
  readonly #options: LimiterOptions
  readonly #states = new Map<string, State>()
  /** Requests to all endpoints, oldest first. */
  readonly #running = new Set<Request>()

  constructor(ports: LimiterPorts, options: LimiterOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** Takes a slot for one request, or says how long to put it off. */
  async enter(endpoint: Endpoint, now: number): Promise<Slot | PutOff> {
    const state = this.#stateOf(endpoint)
    const pausedUntil = Math.max(state.pausedUntil, endpoint.pausedUntil)
    if (isPaused(pausedUntil, now)) return { putOff: 'paused', waitMs: this.#jittered(pausedUntil - now) }
    // Answers that came while the process itself was held up are read first.
    if (this.#isStuck(state)) await this.#ports.clock.turn()
    if (this.#isStuck(state)) return this.#busy(state)
    const request = isFull(state) ? await this.#turn(state) : this.#begin(state)
    if (request === undefined) return this.#busy(state)
    return {
      leave: (result) => {
        this.#leave(state, request, result)
        return state.strikes < STRIKES ? 0 : pause(state, endpoint, now + result.elapsedMs)
      },
    }
  }

  #stateOf(endpoint: Endpoint): State {
    const state = this.#states.get(endpoint.id) ?? newState(endpoint)
    this.#states.set(endpoint.id, state)
    if (this.#states.size > MAX_ENDPOINTS) forgetOne(this.#states)
    return state
  }

  #isStuck(state: State): boolean {
    const unproven = state.limit <= FIRST_LIMIT && this.#hasStuck(this.#running, MAX_STUCK)
    return unproven || (isFull(state) && this.#hasStuck(state.running, 1))
  }

  /** Have at least `count` requests been running for longer than the patience? Sets keep their order: the oldest come first. */
  #hasStuck(running: ReadonlySet<Request>, count: number): boolean {
    const before = this.#ports.clock.monotonic() - this.#options.patienceMs
    let stuck = 0
    for (const { from } of running) {
      if (from >= before) return false
      stuck++
      if (stuck >= count) return true
    }
    return false
  }

  #begin(state: State): Request {
    const request = { from: this.#ports.clock.monotonic() }
    state.running.add(request)
    this.#running.add(request)
    return request
  }

  /** The wait is as long as the endpoint has been stuck already, so that a backlog is not moved around each second. */
  #busy({ running }: State): PutOff {
    const [oldest] = running
    const stuckMs = oldest === undefined ? 0 : this.#ports.clock.monotonic() - oldest.from
    return { putOff: 'busy', waitMs: this.#jittered(Math.max(MIN_WAIT_MS, stuckMs)) }
  }

  /** Up to a quarter more, so that requests that were put off together don't come back together. */
  #jittered(ms: number): number {
    return Math.ceil(ms * (1 + this.#ports.random() / 4))
  }

  #turn(state: State): Promise<Request | undefined> {
    const { clock } = this.#ports
    return new Promise((resolve) => {
      const done = (request?: Request) => {
        cancel()
        state.waiting.delete(done)
        resolve(request)
      }
      const cancel = clock.after(this.#options.patienceMs, () => void clock.turn().then(() => done()))
      state.waiting.add(done)
    })
  }

  #leave(
    state: State,
    request: Request,
    { ok, elapsedMs }: { readonly ok: boolean; readonly elapsedMs: number },
  ): void {
    state.running.delete(request)
    this.#running.delete(request)
    if (elapsedMs < this.#options.slowMs) {
      state.limit = Math.min(MAX_LIMIT, state.limit * 2)
      state.strikes = 0
    } else {
      state.limit = ok ? Math.max(1, Math.min(FIRST_LIMIT, state.limit >> 1)) : 1
      state.strikes = ok ? 0 : state.strikes + 1
    }
    for (const give of state.waiting) {
      if (isFull(state)) break
      give(this.#begin(state))
    }
  }
}

const isFull = (state: State) => state.running.size >= state.limit

function newState(endpoint: Endpoint): State {
  const suspect = endpoint.pauses > 0
  return {
    limit: suspect ? 1 : FIRST_LIMIT,
    strikes: suspect ? STRIKES - 1 : 0,
    pausedUntil: 0,
    running: new Set(),
    waiting: new Set(),
  }
}

function forgetOne(states: Map<string, State>): void {
  for (const [id, state] of states) {
    if (state.running.size > 0 || state.waiting.size > 0) continue
    states.delete(id)
    return
  }
}

/** A pause that ends later than it can was begun before the time of day was set back: it is over. */
const isPaused = (until: number, now: number) => until > now && until <= now + MAX_PAUSE_MS + SET_BACK_MS

/** Requests that ran together strike together: only the first of them pauses. */
function pause(state: State, endpoint: Endpoint, now: number): number {
  if (isPaused(state.pausedUntil, now)) return 0
  const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(endpoint.pauses, 10))
  state.pausedUntil = now + pauseMs
  return pauseMs
}
