import { createHash } from 'node:crypto'

/** DynamoDB takes at most 36 characters; the port's tokens have no such limit. */
export function tokenOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url').slice(0, 36)
}
