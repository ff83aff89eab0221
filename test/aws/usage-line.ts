import { IDLE_POLLERS, LONG_POLL_SECONDS } from '../cost/prices.ts'
import { type Counts, dollars, dollarsOf } from '../cost/tally.ts'
import { countsOf, type Used } from './usage.ts'

/** The function that runs every second here and every minute on AWS, and so is printed apart. */
const SWEEP = 'sweep'

type Lived = { readonly seconds: number; readonly polledQueues: number }

/**
 * Returns one line of usage, as counted; only empty polls are computed, from the number of long polls that Lambda makes in
 * that time. Times of functions are those of this machine.
 */
export function usageLine(what: string, all: Used, { seconds, polledQueues }: Lived): string {
  const polls = Math.round((polledQueues * IDLE_POLLERS * seconds) / LONG_POLL_SECONDS)
  const used = countsOf(all, [SWEEP])
  const swept = all.by.get(SWEEP) ?? {}
  const of = (name: keyof Counts, counts: Counts = used) => Math.round((counts[name] ?? 0) * 10) / 10
  const ses = dollarsOf('sesOutbound', of('sesOutbound')) + dollarsOf('sesInbound', of('sesInbound'))
  const parts = [
    `${of('httpApi')} API requests`,
    `${of('lambdaRequests')} invocations (${of('lambdaGbSeconds')} GB-s here)`,
    `${of('tableWrites')} write and ${of('tableReads')} read units`,
    `${of('sqsRequests')} SQS requests and ${polls} empty polls`,
    `${of('snsPublishes')} SNS`,
    `S3: ${of('s3Writes')} writes, ${of('s3Reads')} reads, ${of('s3Lists')} lists, ${of('s3Deletes')} deletes`,
    `SES: ${of('sesOutbound')} out, ${of('sesInbound')} in, ${of('sesCalls')} other calls`,
    `${((used.logGb ?? 0) * 1024 ** 2).toFixed(1)} KB of logs`,
  ]
  const sum = dollars(used) + dollarsOf('sqsRequests', polls)
  const sweeps = `${of('lambdaRequests', swept)} runs of the sweep, $${dollars(swept).toFixed(6)}`
  return `${what} used ${parts.join(', ')}: $${sum.toFixed(6)}, of which SES's fee $${ses.toFixed(6)}; and ${sweeps}`
}
