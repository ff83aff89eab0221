import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'

/** `whsec_` and base64 of 24 random bytes, as Standard Webhooks 1.0 writes a symmetric secret. */
export function newSecret(): string {
  return PREFIX + randomBytes(24).toString('base64')
}

/**
 * The headers of one attempt, under both names that receivers look for: `svix-*` and, from Standard Webhooks 1.0,
 * `webhook-*`. The key is the decoded secret; several secrets (rotation) give several signatures, separated by spaces.
 * `id` stays the same at every attempt, the time does not: receivers refuse what is older than 5 minutes.
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

/** Key objects of secrets in use, since making one costs as much as signing with it. Forgotten all at once. */
const keys = new Map<string, KeyObject>()
const MAX_KEYS = 1000

function keyOf(secret: string): KeyObject {
  const known = keys.get(secret)
  if (known !== undefined) return known
  if (keys.size >= MAX_KEYS) keys.clear()
  const made = createSecretKey(secret.slice(PREFIX.length), 'base64')
  keys.set(secret, made)
  return made
}

function hmac(secret: string, content: string): string {
  return createHmac('sha256', keyOf(secret)).update(content).digest('base64')
}
