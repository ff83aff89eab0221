import { isIP } from 'node:net'
import { mayConnect } from './address.ts'

type GuardErrorCode = 'invalid_url' | 'blocked' | 'timeout' | 'aborted' | 'network'

/** Says why a request got no answer. `message` may be shown to the user who gave the URL. */
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
 * Refuses what is known to be forbidden before any connection: schemes other than https (http is allowed together with
 * private addresses, in development) and forbidden addresses in any spelling that the URL parser reads. Host names are checked when connecting. Any port is allowed.
 * @throws {GuardError} `invalid_url` or `blocked`
 */
export function checkUrl(text: string, allowPrivate: boolean): URL {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null
  if (url === null) throw new GuardError('invalid_url', 'The URL is invalid or too long.')
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    throw new GuardError('invalid_url', `The URL must start with https://${allowPrivate ? ' or http://' : ''}.`)
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const local = /(^|\.)localhost\.?$/.test(host) && !allowPrivate
  if (local || (isIP(host) && !mayConnect(host, allowPrivate))) throw blocked()
  return url
}

export function blocked(): GuardError {
  return new GuardError('blocked', 'The URL leads to an address that is not allowed.')
}
