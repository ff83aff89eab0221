/**
 * The values that settings are written in. Each function throws an Error whose message goes behind the setting's name,
 * and which repeats the value only where it can't hold a secret.
 */
import { readFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'

/** `port` 0 lets the system choose. `host` is a name or an address, IPv6 without its brackets. */
export type Address = { readonly host: string; readonly port: number }

export type RelaySetting = { readonly kind: 'capture' } | SmtpRelaySetting
export type SmtpRelaySetting = {
  readonly kind: 'smtp'
  readonly host: string
  readonly port: number
  /** TLS from the first byte; otherwise STARTTLS where it is offered. */
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly password: string } | undefined
}

/** Room for any sensible schedule, and a bound on what one row may hold. */
const MAX_DURATIONS = 32
const MAX_DURATION_MS = 30 * 86_400_000
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** One label of a host name (RFC 1123 section 2.1), in lower case. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const isHostName = (name: string) => name.length <= 253 && name.split('.').every((label) => LABEL.test(label))
const isHost = (host: string) => isIP(host) > 0 || isHostName(host.toLowerCase())

/** Writes a host as it stands in a URL or before a port: IPv6 in brackets. */
export const hostText = (host: string) => (host.includes(':') ? `[${host}]` : host)

/** Parses `127.0.0.1:3000`, `localhost:3000` or `[::1]:3000`. */
export function addressOf(value: string): Address {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value) ?? []
  const host = v6 ?? name ?? ''
  const port = Number(digits)
  const fits = v6 === undefined ? isHost(host) : isIPv6(host)
  if (!fits || !(port <= 65_535)) throw new Error('must be host:port, such as 127.0.0.1:3000 or [::1]:3000')
  return { host, port }
}

/** `system`, or the address and port of a resolver, which can't be a name. */
export function resolverOf(value: string): Address | undefined {
  if (value === 'system') return undefined
  const address = addressOf(value)
  if (isIP(address.host) === 0 || address.port === 0) {
    throw new Error('must be system, or an IP address and a port, such as 127.0.0.1:53')
  }
  return address
}

/** `1m,5m,24h` in milliseconds, in the order given. */
export function durationsOf(value: string): readonly number[] {
  const parts = value.split(',').map((part) => part.trim())
  if (parts.length > MAX_DURATIONS) throw new Error(`has more than ${MAX_DURATIONS} durations`)
  return parts.map((part) => {
    const [, digits, unit] = /^(\d{1,10})(ms|s|m|h|d)$/.exec(part) ?? []
    const ms = Number(digits) * UNITS[unit as keyof typeof UNITS]
    if (!(ms <= MAX_DURATION_MS)) throw new Error('must be durations of at most 30 days, such as 30s,5m,24h')
    return ms
  })
}

/** Comma-separated domains, in lower case, each once. */
export function domainsOf(value: string): readonly string[] {
  const domains = value.split(',').map((part) => part.trim().toLowerCase())
  for (const domain of domains) {
    const fits = isHostName(domain) && domain.includes('.') && isIP(domain) === 0
    if (!fits) throw new Error(`has ${JSON.stringify(domain)}, which is no domain (other scripts as xn--…)`)
  }
  return [...new Set(domains)]
}

/** An http or https address without credentials, query or fragment; the slash at its end is taken off. */
export function urlOf(value: string): string {
  const url = URL.parse(value)
  const plain = url && !url.username && !url.password && !url.search && !url.hash
  if (!plain || !/^https?:$/.test(url.protocol)) throw new Error('must be a URL such as https://mail.example.com')
  return url.href.replace(/\/+$/, '')
}

/** Answers the absolute path of a PEM file. */
export function pemFileOf(path: string): string {
  if (!/^-----BEGIN [A-Z ]+-----/m.test(readText(path))) throw new Error('this file is not in PEM form')
  return resolve(path)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`can't read this file (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

/** `capture`, or `smtp://` and `smtps://` URLs, user and password percent-encoded. */
export function relayOf(value: string): RelaySetting {
  if (value === 'capture') return { kind: 'capture' }
  if (value === 'mx' || value === 'ses') {
    throw new Error(`${value} is not in this version; use capture, smtp://… or smtps://…`)
  }
  const url = URL.parse(value)
  const bare = url && !url.search && !url.hash && (url.pathname === '' || url.pathname === '/')
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  if (!bare || !/^smtps?:$/.test(url.protocol) || !isHost(host)) {
    // The value stays out: it may hold a password.
    throw new Error('must be capture, smtp://user:password@host:port or smtps://…, with special characters as %40')
  }
  const secure = url.protocol === 'smtps:'
  const port = url.port === '' ? (secure ? 465 : 587) : Number(url.port)
  if (port === 0) throw new Error('must have a port other than 0')
  return { kind: 'smtp', host, port, secure, auth: credentialsOf(url) }
}

function credentialsOf(url: URL): { readonly user: string; readonly password: string } | undefined {
  if (!url.username && !url.password) return undefined
  if (!url.username || !url.password) throw new Error('must have both a user and a password, or neither')
  try {
    return { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  } catch {
    throw new Error('has a % in its user or password that must be written as %25')
  }
}
