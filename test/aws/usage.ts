/**
 * What the account would be billed for, by who caused it. Functions, and AWS where it acts on the account's behalf, have
 * access keys of their own, which their requests name; requests of tests and commands name another, and are not counted.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { ACCESS_LOG_BYTES } from '../cost/prices.ts'
import { type Count, type Counts, GB, plus } from '../cost/tally.ts'

/** SNS, S3's notifications, event source mappings and API Gateway. */
export const AWS_ITSELF = 'aws'

export type Usage = {
  /** Counts for who caused it, such as `send`, or `aws`. */
  by(caller: string): Count
  /** Who made a request, if it is billed. */
  caller(request: Signed): string | undefined
  /** Receipts of event source mappings that brought nothing; how many there are on AWS is a matter of time. */
  emptyPoll(): void
  /** Since the start. */
  soFar(): Used
}
export type Signed = { readonly headers: IncomingHttpHeaders; readonly url?: string | undefined }
export type Used = { readonly by: ReadonlyMap<string, Counts>; readonly emptyPolls: number }

const PREFIX = 'AKIABILLED'
const NAMED = new RegExp(`Credential=${PREFIX}([\\w.-]+?)(?:/|%2F)`)

/** The access key id by which a caller is known. */
export const accessKeyOf = (caller: string) => `${PREFIX}${caller}`

export function startUsage(): Usage {
  const by = new Map<string, Counts>()
  let emptyPolls = 0
  return {
    by: (caller) => (name, amount) => {
      by.set(caller, plus(by.get(caller) ?? {}, { [name]: amount }))
    },
    // A presigned link is billed like any other request.
    caller: ({ headers, url = '' }) => NAMED.exec(headers.authorization ?? url)?.[1],
    emptyPoll() {
      emptyPolls++
    },
    soFar: () => ({ by: new Map(by), emptyPolls }),
  }
}

/** What was used between two looks. */
export function between(before: Used, after: Used): Used {
  const by = [...after.by].map(([caller, counts]) => [caller, plus(counts, before.by.get(caller) ?? {}, -1)] as const)
  return { by: new Map(by), emptyPolls: after.emptyPolls - before.emptyPolls }
}

/** Everything but what some callers caused. */
export function countsOf({ by }: Used, without: readonly string[] = []): Counts {
  return [...by].filter(([caller]) => !without.includes(caller)).reduce((sum, [, counts]) => plus(sum, counts), {})
}

const GATEWAY_STEP = 512 * 1024

/** A request to the HTTP API, which also writes a line of access log. */
export function countApiRequest(count: Count, bytes: number): void {
  count('httpApi', Math.max(1, Math.ceil(bytes / GATEWAY_STEP)))
  count('logGb', ACCESS_LOG_BYTES / GB)
}
