/**
 * Counts what the account would be billed for, by caller. Each function, and AWS where it acts for the account, signs with
 * an access key of its own; tests and commands sign with another one and are not counted.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { ACCESS_LOG_BYTES } from '../cost/prices.ts'
import { type Count, type Counts, GB, plus } from '../cost/tally.ts'

/** The caller that stands for SNS, S3's notifications, event source mappings and API Gateway. */
export const AWS_ITSELF = 'aws'

export type Usage = {
  /** Returns the counter of a caller, such as `send` or `aws`. */
  by(caller: string): Count
  /** Returns the caller of a request; undefined if it is not billed. */
  caller(request: Signed): string | undefined
  /** Counts an empty poll of an event source mapping; their number on AWS depends only on time. */
  emptyPoll(): void
  /** Returns the counts since the start. */
  soFar(): Used
}
type Signed = { readonly headers: IncomingHttpHeaders; readonly url?: string | undefined }
export type Used = { readonly by: ReadonlyMap<string, Counts>; readonly emptyPolls: number }

const PREFIX = 'AKIABILLED'
const NAMED = new RegExp(`Credential=${PREFIX}([\\w.-]+?)(?:/|%2F)`)

/** The access key id of a caller. */
export const accessKeyOf = (caller: string) => `${PREFIX}${caller}`

export function startUsage(): Usage {
  const by = new Map<string, Counts>()
  let emptyPolls = 0
  return {
    by: (caller) => (name, amount) => {
      by.set(caller, plus(by.get(caller) ?? {}, { [name]: amount }))
    },
    // A presigned link names the key in its query.
    caller: ({ headers, url = '' }) => NAMED.exec(headers.authorization ?? url)?.[1],
    emptyPoll() {
      emptyPolls++
    },
    soFar: () => ({ by: new Map(by), emptyPolls }),
  }
}

/** Returns what was used between two readings. */
export function between(before: Used, after: Used): Used {
  const by = [...after.by].map(([caller, counts]) => [caller, plus(counts, before.by.get(caller) ?? {}, -1)] as const)
  return { by: new Map(by), emptyPolls: after.emptyPolls - before.emptyPolls }
}

/** Sums the counts of all callers except some. */
export function countsOf({ by }: Used, without: readonly string[] = []): Counts {
  return [...by].filter(([caller]) => !without.includes(caller)).reduce((sum, [, counts]) => plus(sum, counts), {})
}

const GATEWAY_STEP = 512 * 1024

/** Counts a request to the HTTP API, with its line in the access log. */
export function countApiRequest(count: Count, bytes: number): void {
  count('httpApi', Math.max(1, Math.ceil(bytes / GATEWAY_STEP)))
  count('logGb', ACCESS_LOG_BYTES / GB)
}
