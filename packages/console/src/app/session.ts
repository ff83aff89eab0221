/** Signs the reader in: with a key that this tab keeps, or without one on the machine of a server that captures mail. */
import { type ReadonlySignal, signal } from '@preact/signals'
import { type Api, ApiError } from '../api/client.ts'

/** The answer to `GET /session`. */
export type Identity = {
  readonly mode: 'loopback' | 'key'
  readonly account_id: string
  readonly permission: 'full_access' | 'sending_access'
  /** True if the session opens dead letters. */
  readonly operator: boolean
  readonly relay: 'capture' | 'smtp' | 'ses'
  readonly version: string
  readonly platform: 'embedded' | 'aws'
  /** Host and port of the listener for inbound mail; null where there is none. */
  readonly smtp: string | null
  readonly api_url: string
  /** Addresses for a first message; null if no domain is known. */
  readonly sample: { readonly from: string; readonly to: string } | null
}

/** The reason for which a key was not taken: the server's own sentence, or that the key may only send. */
export type Refusal = { readonly why: 'server'; readonly message: string } | { readonly why: 'sending-key' }

export type SessionState =
  | { readonly name: 'opening' }
  | { readonly name: 'signed-out'; readonly refusal?: Refusal }
  | { readonly name: 'unreachable'; readonly message: string }
  | { readonly name: 'open'; readonly who: Identity }

export type Session = {
  readonly state: ReadonlySignal<SessionState>
  key(): string | undefined
  /** Opens the session with the key of this tab, or without one where the server allows it. */
  open(api: Api): Promise<void>
  signIn(api: Api, key: string): Promise<void>
  signOut(api: Api): Promise<void>
  /** The server no longer knows the key or the cookie. A server that was started again is asked for another cookie. */
  expire(): void
}

const KEY = 'api-key'

/** A session without a key that ends sooner is not opened again: a browser that keeps no cookies would do nothing else. */
const SHORTEST_MS = 3000

/** `storage` is the tab's own, which ends with the tab. */
export function createSession(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>, now = Date.now): Session {
  const state = signal<SessionState>({ name: 'opening' })
  const key = () => storage.getItem(KEY) ?? undefined
  let openedAt = 0
  const expire = () => {
    if (state.value.name !== 'open') return
    const again = key() === undefined && now() - openedAt > SHORTEST_MS
    state.value = { name: again ? 'opening' : 'signed-out' }
  }
  const open = async (api: Api) => {
    try {
      openedAt = now()
      const who = await identify(api, key())
      state.value =
        who.permission === 'sending_access'
          ? { name: 'signed-out', refusal: { why: 'sending-key' } }
          : { name: 'open', who }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      state.value = refused(error, key() !== undefined)
    }
    if (state.value.name === 'signed-out') storage.removeItem(KEY)
  }
  const signIn = async (api: Api, given: string) => {
    storage.setItem(KEY, given)
    await open(api)
  }
  const signOut = async (api: Api) => {
    if (key() === undefined) await api.delete('/session').catch(() => undefined)
    storage.removeItem(KEY)
    state.value = { name: 'signed-out' }
  }
  return { state, key, expire, open, signIn, signOut }
}

/** A tab without a key asks for a session without one, which only a capturing server on the reader's own machine grants. */
const identify = (api: Api, key: string | undefined): Promise<Identity> =>
  key === undefined ? api.post<Identity>('/session') : api.get<Identity>('/session')

function refused(error: ApiError, hadKey: boolean): SessionState {
  if (error.status === 0 || error.status >= 500) return { name: 'unreachable', message: error.message }
  return { name: 'signed-out', ...(hadKey && { refusal: { why: 'server', message: error.message } }) }
}
