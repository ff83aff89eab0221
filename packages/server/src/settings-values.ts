/**
 * Reads the values of settings. Each function throws an Error whose message follows the setting's name and repeats the
 * value only if that cannot hold a secret.
 */
import { readFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { durationsOf } from '@kabutar/core/retry-schedules.ts'
import { domainName, hostName } from '@kabutar/mail/domain-name.ts'

/** `port` 0 lets the system choose one. `host` is a name or an address, IPv6 without brackets. */
export type Address = { readonly host: string; readonly port: number }

export type RelaySetting = { readonly kind: 'capture' } | SmtpRelaySetting
type SmtpRelaySetting = {
  readonly kind: 'smtp'
  readonly host: string
  readonly port: number
  /** True for TLS from the first byte; otherwise STARTTLS is used if the server offers it. */
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly password: string } | undefined
}

const isHost = (host: string) => isIP(host) > 0 || hostName(host) !== undefined

/** True for addresses that only this machine can reach. */
export const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

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

/** Reads `system`, or the address and port of a resolver, which cannot be a name. */
export function resolverOf(value: string): Address | undefined {
  if (value === 'system') return undefined
  const address = addressOf(value)
  if (isIP(address.host) === 0 || address.port === 0) {
    throw new Error('must be system, or an IP address and a port, such as 127.0.0.1:53')
  }
  return address
}

/** Reads one duration from `least` to `most`, such as `5m`. */
export const durationOf =
  (least: string, most: string) =>
  (value: string): number => {
    const [leastMs = 0] = durationsOf(least)
    const [mostMs = 0] = durationsOf(most)
    const [ms = 0, ...more] = durationsOf(value)
    if (more.length > 0 || ms < leastMs || ms > mostMs) throw new Error(`must be one duration from ${least} to ${most}`)
    return ms
  }

/** Reads a whole number from `least` to `most`. */
export const integerOf =
  (least: number, most: number) =>
  (value: string): number => {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= least && number <= most)) throw new Error(`must be a whole number from ${least} to ${most}`)
    return number
  }

/** Reads comma-separated domains, each once; other scripts become punycode. */
export function domainsOf(value: string): readonly string[] {
  const domains = value.split(',').map((part) => {
    const domain = domainName(part.trim())
    if (domain === undefined) throw new Error(`has ${JSON.stringify(part.trim())}, which is not a domain`)
    return domain
  })
  return [...new Set(domains)]
}

/** Reads an http or https URL without credentials, query or fragment, and drops the slash at its end. */
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

/** Reads `capture`, or an `smtp://` or `smtps://` URL with user and password percent-encoded. */
export function relayOf(value: string): RelaySetting {
  if (value === 'capture') return { kind: 'capture' }
  if (value === 'mx' || value === 'ses') {
    throw new Error(`${value} is not in this version; use capture, smtp://… or smtps://…`)
  }
  const url = URL.parse(value)
  const bare = url && !url.search && !url.hash && (url.pathname === '' || url.pathname === '/')
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  if (!bare || !/^smtps?:$/.test(url.protocol) || !isHost(host)) {
    // The message leaves the value out, since it may hold a password.
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
