/** What SQS and S3 bill for a request. */
import type { IncomingHttpHeaders } from 'node:http'
import { type Count, type Counts, GB, sqsRequestsFor } from '../cost/tally.ts'

type Bodies = {
  readonly MessageBody?: string
  readonly Entries?: readonly { readonly MessageBody?: string }[]
  readonly Messages?: readonly { readonly Body?: string }[]
}

/** Counts one request for each 64 KB sent or received, and one for any other call. */
export function countSqs(count: Count, body: string, answer: string): void {
  const { MessageBody, Entries = [] } = JSON.parse(body) as Bodies
  const { Messages = [] } = JSON.parse(answer || '{}') as Bodies
  const bodies = [{ MessageBody }, ...Entries, ...Messages.map(({ Body }) => ({ MessageBody: Body }))]
  count('sqsRequests', sqsRequestsFor(bodies.map((one) => one.MessageBody ?? '')))
}

/** Counts by class of request; an object that is put counts as stored for a month. */
export function countS3(count: Count, method: string, query: URLSearchParams, headers: IncomingHttpHeaders): void {
  count(s3ClassOf(method, query), 1)
  if (method !== 'PUT') return
  const bytes = Number(headers['x-amz-decoded-content-length'] ?? headers['content-length'] ?? 0)
  count('s3GbMonth', bytes / GB)
}

function s3ClassOf(method: string, query: URLSearchParams): keyof Counts {
  if (method === 'DELETE' || query.has('delete')) return 's3Deletes'
  if (method === 'PUT' || method === 'POST') return 's3Writes'
  return query.has('list-type') || query.has('uploads') ? 's3Lists' : 's3Reads'
}
