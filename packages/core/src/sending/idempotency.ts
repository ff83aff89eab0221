import { MailError } from '../errors.ts'
import { type Draft, digestOf } from '../messages/content.ts'
import type { Compute } from '../ports/compute.ts'
import type { Put, Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { idempotencyKey } from '../store/keys.ts'

/** The key of a request, and a digest of what the request says. */
export type Idempotency = { readonly key: string; readonly digest: string }

const KEPT_SECONDS = 24 * 3600
const MAX_KEY_LENGTH = 256

/** @throws {MailError} `invalid_idempotency_key` */
export async function idempotencyOf(compute: Compute, key: string, draft: Draft): Promise<Idempotency> {
  if (key.length < 1 || key.length > MAX_KEY_LENGTH) {
    throw new MailError('invalid_idempotency_key', 'The key must be between 1-256 chars.')
  }
  return { key, digest: await digestOf(compute, draft) }
}

/** The id that an equal request was answered with within 24 hours. @throws {MailError} `idempotency_mismatch` */
export async function findEarlier(
  table: Table,
  accountId: string,
  { key, digest }: Idempotency,
): Promise<string | undefined> {
  const earlier = readRow('idempotency', await table.get(idempotencyKey(accountId, key)))
  if (earlier !== undefined && earlier.digest !== digest) {
    throw new MailError(
      'idempotency_mismatch',
      'The same idempotency key was used with another request body within the last 24 hours.',
    )
  }
  return earlier?.id as string | undefined
}

/** Claims the key for a message; refused if another request has it. */
export function claimOf(accountId: string, { key, digest }: Idempotency, id: string, now: number): Put {
  const ttl = Math.floor(now / 1000) + KEPT_SECONDS
  const item = row('idempotency', idempotencyKey(accountId, key), { id, digest, ttl })
  return { kind: 'put', item, if: [{ exists: false }] }
}
