/**
 * Follows what happens in the account by `GET /activity/changes`, which answers as soon as there is something new. Tabs of
 * one account share one waiting request, because a browser opens six connections to a host over HTTP/1.1: the tab that
 * holds a lock asks, and tells the others.
 */
import { type ReadonlySignal, signal } from '@preact/signals'
import { type Api, ApiError } from './client.ts'
import type { Changes } from './messages.ts'

/** `live`: a request waits. `catching-up`: there is more to fetch. `retrying`: the server did not answer several times. */
export type LiveState = 'live' | 'catching-up' | 'retrying'
type Told = { readonly changes?: Changes; readonly state: LiveState }

export type Live = {
  readonly state: ReadonlySignal<LiveState>
  stop(): void
}
type Browser = Pick<Window, 'setTimeout'> & { readonly navigator: Navigator }
export type LiveOptions = {
  readonly api: Api
  readonly account: string
  /** The place in the order of changes at which the first page of the list was read. */
  readonly cursor: string
  readonly browser: Browser
  readonly changed: (changes: Changes) => void
}

const WAIT_SECONDS = 25
const PAGE = 100
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** A server that is started again answers before the last of these. */
const FAILURES_TO_TELL = 3

export function startLive({ api, account, cursor, browser, changed }: LiveOptions): Live {
  const state = signal<LiveState>('live')
  const channel = new BroadcastChannel(`kabutar-live-${account}`)
  const ended = new AbortController()
  let at = cursor
  const take = (told: Told) => {
    state.value = told.state
    if (told.changes === undefined) return
    at = told.changes.cursor
    changed(told.changes)
  }
  channel.onmessage = ({ data }: MessageEvent<Told>) => take(data)
  const tell = (told: Told) => {
    take(told)
    channel.postMessage(told)
  }
  void asLeader(browser.navigator, account, ended.signal, async () => {
    let failures = 0
    while (!ended.signal.aborted) {
      try {
        const told = await next(api, at, ended.signal)
        tell(told)
        failures = 0
        await pause(browser, told.changes.retry_ms ?? 0)
      } catch (error) {
        if (ended.signal.aborted || (error instanceof ApiError && error.status === 401)) return
        tell({ state: ++failures < FAILURES_TO_TELL ? 'catching-up' : 'retrying' })
        await pause(browser, Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)))
      }
    }
  })
  const stop = () => {
    ended.abort()
    channel.close()
  }
  return { state, stop }
}

const pause = (browser: Browser, ms: number) =>
  ms === 0 ? undefined : new Promise((resolve) => browser.setTimeout(resolve, ms))

/** Waits for the next changes. A full page means that there are more. */
async function next(api: Api, after: string, signal: AbortSignal): Promise<Required<Told>> {
  const changes = await api.get<Changes>('/activity/changes', { after, wait: WAIT_SECONDS, limit: PAGE }, signal)
  return { changes, state: changes.data.length >= PAGE ? 'catching-up' : 'live' }
}

/** Runs `lead` in one tab of the account at a time. Without locks, on plain HTTP, every tab leads. */
async function asLeader(navigator: Navigator, account: string, signal: AbortSignal, lead: () => Promise<void>) {
  const locks: LockManager | undefined = navigator.locks
  if (locks === undefined) return await lead()
  await locks.request(`kabutar-live-${account}`, { signal }, lead).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
