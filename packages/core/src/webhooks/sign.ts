import { createHmac } from 'node:crypto'
import type { Ids } from '../ports/ids.ts'

const PREFIX = 'whsec_'
const SECRET_BYTES = 24

/** `whsec_` and base64 of 24 random bytes, as Standard Webhooks 1.0 writes a symmetric secret. */
export function newSecret(ids: Ids): string {
  return PREFIX + ids.secret(SECRET_BYTES).toString('base64')
}

/**
 * The headers of one attempt, under both names that receivers look for: `svix-*` and, from Standard Webhooks 1.0,
 * `webhook-*`. The key is the decoded secret; several secrets (after a rotation) give several signatures, separated by spaces.
 * `id` is the same at every attempt and the time is not, since receivers refuse what is older than 5 minutes.
 */
export function signedHeaders(
  secrets: readonly string[],
  id: string,
  at: Date,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = secrets.map((secret) => `v1,${hmac(secret, `${id}.${timestamp}.${body}`)}`).join(' ')
  return {
    'svix-id': id,
    'svix-timestamp': timestamp,
    'svix-signature': signature,
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  }
}

function hmac(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  return createHmac('sha256', key).update(content).digest('base64')
}
