import { createHash, timingSafeEqual } from 'node:crypto'
import { type AuthenticatePorts, authenticate } from '@kabutar/core/accounts/keys.ts'
import { MailError } from '@kabutar/core/errors.ts'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'
import type { Sessions } from './sessions.ts'
import { WrongKeys } from './wrong-keys.ts'

const SENDING = new Set(['POST /emails', 'POST /uploads', 'GET /session', 'DELETE /session'])

/** Undefined if it is not known. */
export type AddressOf = (c: Context) => string | undefined

/** Requires an API key, or a session of the console. A key of `sending_access` may use the sending routes only. */
export function keyRequired(
  ports: AuthenticatePorts,
  sessions: Pick<Sessions, 'keyOf'>,
  addressOf: AddressOf = () => undefined,
) {
  const wrongKeys = new WrongKeys(ports.clock)
  return createMiddleware<Env>(async (c, next) => {
    const opened = sessions.keyOf(c)
    if (opened !== undefined) {
      c.set('key', opened)
      c.set('isSession', true)
      return next()
    }
    const key = await authenticate(ports, bearerOf(c.req.header('Authorization'))).catch(async (error) => {
      if (error instanceof MailError && error.code === 'invalid_key') await wrongKeys.slow(addressOf(c))
      throw error
    })
    if (key.permission === 'sending_access' && !SENDING.has(`${c.req.method} ${c.req.path}`)) {
      throw new MailError('restricted_key', 'This API key is restricted to only send emails.')
    }
    c.set('key', key)
    await next()
  })
}

/** True while the session or the key that a request came with is valid, for answers that last. */
export async function isSignedIn(
  ports: AuthenticatePorts,
  sessions: Pick<Sessions, 'keyOf'>,
  c: Context,
): Promise<boolean> {
  try {
    return (sessions.keyOf(c) ?? (await authenticate(ports, bearerOf(c.req.header('Authorization'))))) !== undefined
  } catch {
    // A reader that comes back hears why.
    return false
  }
}

/** Opens the operations of the operator: the token that the server wrote to its data folder, or a session. */
export type OperatorAccess = { readonly token: string; readonly sessions: Pick<Sessions, 'keyOf'> }

/**
 * Requires the operator's token, or a session of the console: only whoever is at the machine gets one, of a server that
 * captures mail.
 */
export function operatorRequired({ token, sessions }: OperatorAccess) {
  return createMiddleware<Env>(async (c, next) => {
    if (sessions.keyOf(c) !== undefined) return next()
    if (!equal(bearerOf(c.req.header('Authorization')), token)) {
      throw new MailError('invalid_key', 'API key is invalid.')
    }
    await next()
  })
}

const digest = (text: string) => createHash('sha256').update(text).digest()
const equal = (a: string, b: string) => timingSafeEqual(digest(a), digest(b))

/** Reads the bearer token of RFC 6750 section 2.1. @throws {MailError} `missing_key` */
export function bearerOf(header: string | undefined): string {
  const token = /^bearer +([\x21-\x7e]{1,512})$/i.exec(header?.trim() ?? '')?.[1]
  if (token === undefined) throw new MailError('missing_key', 'Missing API key in the authorization header.')
  return token
}
