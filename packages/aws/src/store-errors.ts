import type { CancellationReason } from '@aws-sdk/client-dynamodb'
import { StoreError } from '@kabutar/core/ports/table.ts'

type SdkError = Error & {
  readonly CancellationReasons?: readonly CancellationReason[]
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number }
}

const THROTTLED =
  /Throttl|ProvisionedThroughputExceeded|RequestLimitExceeded|TooManyRequests|SlowDown|OverLimit|KmsThrottled/
const CONFLICT = /^(TransactionConflictException|TransactionInProgressException|ReplicatedWriteConflictException)$/
const INVALID = /^(ValidationException|SerializationException|InvalidMessageContents|InvalidParameter\w*|InvalidRange)$/

/**
 * Turns an error of DynamoDB, SQS, S3 or SES into a StoreError. It looks at the name, which is the service's error code:
 * an `instanceof` would import every SDK package here.
 */
export function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const error = cause as SdkError
  const name = error?.name ?? ''
  if (name === 'ConditionalCheckFailedException') {
    return new StoreError('ConditionFailed', 'a condition failed', { cause, failed: [0] })
  }
  if (name === 'TransactionCanceledException') return cancelled(error)
  if (CONFLICT.test(name)) return new StoreError('Conflict', 'another transaction holds a row', { cause })
  if (THROTTLED.test(name)) return new StoreError('Throttled', `AWS throttles: ${name}`, { cause })
  if (name === 'BatchRequestTooLong' || name === 'EntityTooLarge') return new StoreError('TooLarge', name, { cause })
  if (INVALID.test(name)) {
    return new StoreError(/size/i.test(error.message) ? 'TooLarge' : 'Invalid', error.message, { cause })
  }
  return new StoreError('Unavailable', `AWS did not answer: ${name || String(cause)}`, { cause })
}

/**
 * The reasons are in the order of the writes. A failed condition outranks a conflict, because a retry would not help. A
 * throttled row is a conflict: nothing was written, and the SDK repeats a throttled request but no cancelled transaction.
 */
function cancelled(cause: SdkError): StoreError {
  const codes = (cause.CancellationReasons ?? []).map((reason) => reason.Code ?? 'None')
  const failed = codes.flatMap((code, index) => (code === 'ConditionalCheckFailed' ? [index] : []))
  if (failed.length > 0) return new StoreError('ConditionFailed', 'a condition failed', { cause, failed })
  if (codes.includes('TransactionConflict')) return new StoreError('Conflict', 'another transaction won', { cause })
  if (codes.some((code) => THROTTLED.test(code)))
    return new StoreError('Conflict', 'DynamoDB throttles a row', { cause })
  if (codes.includes('ItemCollectionSizeLimitExceeded')) return new StoreError('TooLarge', codes.join(), { cause })
  return new StoreError('Invalid', `transaction cancelled: ${codes.join()}`, { cause })
}

/** True if the SDK sent the request more than once: an earlier attempt may have been applied and its answer lost. */
export function wasRetried(cause: unknown): boolean {
  return ((cause as SdkError)?.$metadata?.attempts ?? 1) > 1
}
