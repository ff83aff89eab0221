import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { http } from './http-handler.ts'

/**
 * One client per service and process, made at module level of a function; a bundle holds only those it calls.
 * Region, credentials and endpoints come from the environment, as AWS sets it; tests pass their own.
 */
export type ClientOptions = {
  readonly region?: string
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** A request to DynamoDB takes milliseconds; three tries end within 8 s, well inside every function's own timeout. */
export function dynamoClient(options: ClientOptions = {}): DynamoDBClient {
  return new DynamoDBClient({ ...options, maxAttempts: 3, requestHandler: http({ answerWithinMs: 2_500 }) })
}

/** Long polls last 20 s, so the answer may take that long. */
export function sqsClient(options: ClientOptions = {}): SQSClient {
  return new SQSClient({ ...options, maxAttempts: 3, requestHandler: http({ answerWithinMs: 25_000 }) })
}
