import { S3Client } from '@aws-sdk/client-s3'
import type { ClientOptions } from '../clients.ts'
import { http } from '../http-handler.ts'

/** The timeout is for the first byte of the answer; a body may take longer, but never stall for as long. */
export function s3Client(options: ClientOptions & { readonly forcePathStyle?: boolean } = {}): S3Client {
  return new S3Client({ ...options, maxAttempts: 3, requestHandler: http({ answerWithinMs: 10_000, idleMs: 10_000 }) })
}
