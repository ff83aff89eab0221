import { isIP } from 'node:net'
import { mayConnect } from './address.ts'

export type GuardErrorCode = 'invalid_url' | 'blocked' | 'timeout' | 'aborted' | 'network'

/** A request that had no answer. `message` may be shown to who gave the URL. */
export class GuardError extends Error {
  readonly code: GuardErrorCode

  constructor(code: GuardErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'GuardError'
    this.code = code
  }
}

const MAX_URL_LENGTH = 2048

/**
 * What can be refused before any connection: other schemes than https (http only beside private addresses, in
 * development), user names and passwords, and addresses written out in any spelling that the URL parser knows. Host
 * names are decided when connecting. Any port is allowed.
 * @throws {GuardError} `invalid_url` or `blocked`
 */
export function checkUrl(text: string, allowPrivate: boolean): URL {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null
  if (url === null) throw new GuardError('invalid_url', 'The URL is invalid or too long.')
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    throw new GuardError('invalid_url', 'The URL must start with https://.')
  }
  if (url.username || url.password) throw new GuardError('invalid_url', 'The URL must not contain a user name.')
  const host = hostOf(url)
  const local = /(^|\.)localhost\.?$/.test(host) && !allowPrivate
  if (local || (isIP(host) && !mayConnect(host, allowPrivate))) throw blocked()
  return url
}

/** The host as a resolver wants it: an IPv6 address without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

export function blocked(): GuardError {
  return new GuardError('blocked', 'The URL leads to an address that is not allowed.')
}
