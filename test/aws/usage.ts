/**
 * What the account would be billed for, by who caused it. Functions, and AWS where it acts on the account's behalf, have
 * access keys of their own, which their requests name; requests of tests and commands name another, and are not counted.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { ACCESS_LOG_BYTES } from '../cost/prices.ts'
import { type Count, type Counts, GB, plus, type Tally, tally } from '../cost/tally.ts'

/** SNS, S3's notifications, event source mappings and API Gateway. */
export const AWS_ITSELF = 'aws'

export type Usage = {
  /** Counts for who caused it, such as `send`, or `aws`. */
  by(caller: string): Count
  /** Who made a request, if it is billed. */
  caller(request: Signed): string | undefined
  /** Receipts of event source mappings that brought nothing; how many there are on AWS is a matter of time. */
  emptyPoll(): void
  /** What was counted since the last time, by caller. */
  take(): Taken
}
export type Signed = { readonly headers: IncomingHttpHeaders; readonly url?: string | undefined }
export type Taken = { readonly by: ReadonlyMap<string, Counts>; readonly emptyPolls: number }

const PREFIX = 'AKIABILLED'
const NAMED = new RegExp(`Credential=${PREFIX}([\\w.-]+?)(?:/|%2F)`)

/** The access key id by which a caller is known. */
export const accessKeyOf = (caller: string) => `${PREFIX}${caller}`

export function startUsage(): Usage {
  const tallies = new Map<string, Tally>()
  let emptyPolls = 0
  const of = (caller: string) => {
    const found = tallies.get(caller) ?? tally()
    tallies.set(caller, found)
    return found
  }
  return {
    by: (caller) => of(caller).add,
    // A presigned link is billed like any other request.
    caller: ({ headers, url = '' }) => NAMED.exec(headers.authorization ?? url)?.[1],
    emptyPoll() {
      emptyPolls++
    },
    take() {
      const taken = { by: new Map([...tallies].map(([caller, one]) => [caller, one.take()])), emptyPolls }
      emptyPolls = 0
      return taken
    },
  }
}

/** Everything but what some callers caused. */
export function countsOf({ by }: Taken, without: readonly string[] = []): Counts {
  return [...by].filter(([caller]) => !without.includes(caller)).reduce((sum, [, counts]) => plus(sum, counts), {})
}

const GATEWAY_STEP = 512 * 1024

/** A request to the HTTP API, which also writes a line of access log. */
export function countApiRequest(count: Count, bytes: number): void {
  count('httpApi', Math.max(1, Math.ceil(bytes / GATEWAY_STEP)))
  count('logGb', ACCESS_LOG_BYTES / GB)
}
