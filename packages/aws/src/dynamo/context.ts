import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock } from '@kabutar/core/ports/clock.ts'

/** Where and when: what every request to the table needs. */
export type DynamoContext = { readonly client: DynamoDBClient; readonly tableName: string; readonly clock: Clock }

/** TTLs are epoch seconds. */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}
