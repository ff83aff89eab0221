import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Ids } from '@kabutar/core/ports/ids.ts'
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { HttpError } from './errors.ts'
import { isOneOf, isProxied } from './own-hosts.ts'

/** A page of another origin cannot send it without asking the server first, which never allows it. */
const PAGE_FIELD = 'Kabutar-Console'
const TOKEN_BYTES = 32
const LIFETIME_MS = 12 * 3600_000
/** The oldest session ends beyond this. */
const MAX_SESSIONS = 100

/** Whoever opens the page on this machine is let in to `accountId` without a key. */
export type Loopback = {
  readonly accountId: string
  readonly scheme: 'http' | 'https'
  /** Host fields that name the loopback address, with the server's own port. */
  readonly hosts: readonly string[]
}

/** `1.0`, `1.1`; undefined if it is not known. */
export type HttpVersionOf = (c: Context) => string | undefined

/**
 * Sessions of the page on a server that only this machine can reach. A session is a cookie with a random token. Each
 * request that uses the cookie is checked again: browsers send a cookie of localhost to every port of it.
 */
export class Sessions {
  readonly #ports: { readonly clock: Clock; readonly ids: Ids }
  readonly #loopback: Loopback | undefined
  readonly #versionOf: HttpVersionOf
  readonly #until = new Map<string, number>()

  /** Without `loopback` no session can be opened. */
  constructor(
    ports: { readonly clock: Clock; readonly ids: Ids },
    {
      loopback,
      httpVersionOf = () => undefined,
    }: { readonly loopback?: Loopback; readonly httpVersionOf?: HttpVersionOf },
  ) {
    this.#ports = ports
    this.#loopback = loopback
    this.#versionOf = httpVersionOf
  }

  /** Opens a session and sets its cookie. @throws {HttpError} 403 if the request does not come from the page on this machine */
  open(c: Context): ApiKey {
    const { loopback, host } = this.#fromPage(c)
    const token = this.#ports.ids.secret(TOKEN_BYTES).toString('base64url')
    this.#until.set(token, this.#ports.clock.monotonic() + LIFETIME_MS)
    if (this.#until.size > MAX_SESSIONS) this.#until.delete(this.#until.keys().next().value ?? '')
    setCookie(c, cookieOf(host), token, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: loopback.scheme === 'https',
    })
    return keyOf(loopback)
  }

  /** The rights of the request's session; undefined if it has none. @throws {HttpError} 403 as `open` */
  keyOf(c: Context): ApiKey | undefined {
    if (this.#loopback === undefined || c.req.header('Authorization') !== undefined) return undefined
    const tokens = tokensOf(c)
    if (tokens.length === 0) return undefined
    this.#fromPage(c)
    const now = this.#ports.clock.monotonic()
    return tokens.some((token) => (this.#until.get(token) ?? now) > now) ? keyOf(this.#loopback) : undefined
  }

  /** Ends the sessions of the request's cookies. */
  end(c: Context): void {
    for (const token of tokensOf(c)) this.#until.delete(token)
    deleteCookie(c, cookieOf(c.req.header('Host') ?? ''), { path: '/' })
  }

  #fromPage(c: Context): { readonly loopback: Loopback; readonly host: string } {
    const loopback = this.#loopback
    const host = c.req.header('Host')?.toLowerCase() ?? ''
    const origin = c.req.header('Origin')
    if (loopback === undefined) throw refused('Sign in with an API key.')
    if (!isOneOf(loopback.hosts, host)) throw refused('The page must be opened at the address of this machine.')
    if (isProxied(c, this.#versionOf(c))) throw refused('A proxy passes the request on: sign in with an API key.')
    if (c.req.header(PAGE_FIELD) === undefined) throw refused(`The ${PAGE_FIELD} header is missing.`)
    if (origin !== undefined && origin !== `${loopback.scheme}://${host}`)
      throw refused('The request comes from another origin.')
    return { loopback, host }
  }
}

const refused = (message: string) => new HttpError(403, 'invalid_access', message)

/** Cookies do not tell ports apart, and another server of this machine may be Kabutar too. */
const cookieOf = (host: string) => `kabutar_session_${/:(\d+)$/.exec(host)?.[1] ?? 'default'}`
/**
 * Answers the value of every cookie of the name. Another server of this machine can set one of the same name with another
 * path, and the browser sends that first (RFC 6265 section 5.4): it must not keep the reader out.
 */
function tokensOf(c: Context): readonly string[] {
  const begin = `${cookieOf(c.req.header('Host') ?? '')}=`
  const cookies = (c.req.header('Cookie') ?? '').split(';').map((cookie) => cookie.trim())
  return cookies.filter((cookie) => cookie.startsWith(begin)).map((cookie) => cookie.slice(begin.length))
}

const keyOf = ({ accountId }: Loopback): ApiKey => ({ accountId, keyId: 'session', permission: 'full_access' })
