import { reconcile } from '@kabutar/aws/ses/reconcile.ts'
import { deadLetterWatch, LOOK_EVERY_MINUTES } from '@kabutar/aws/sqs/dead-letters.ts'
import { dueWork } from '@kabutar/core/due-work.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { DECLARED } from './declared.ts'
import type { Meter } from './meter.ts'
import { IDLE_POLLERS, LATENCY_MS, LONG_POLL_SECONDS, PRICES } from './prices.ts'
import type { Counts } from './tally.ts'
import { costRig } from './work.ts'

const MONTH_HOURS = 30 * 24
const RUNS = 21
const never = new AbortController().signal

/** Answers the dollars of a month in which nothing happens. The sweep is run and metered like the other operations. */
export async function idleMonth(): Promise<Readonly<Record<string, number>>> {
  const runs = DECLARED.sweepsAnHour * MONTH_HOURS
  const polls = (DECLARED.polledQueues * IDLE_POLLERS * MONTH_HOURS * 3600) / LONG_POLL_SECONDS
  const { lambdaRequests = 0, lambdaGbSeconds = 0, tableReads = 0, sqsRequests = 0, ...others } = await sweepOnce()
  if (Object.values(others).some((count) => count > 0)) throw new Error(`not in the table: ${JSON.stringify(others)}`)
  return {
    'empty receives of event source mappings': perMillion('sqsRequests', polls),
    'alarms (metrics)': DECLARED.alarmMetrics * PRICES.alarmMetricMonth,
    'sweep: schedule': perMillion('schedulerRuns', runs),
    'sweep: Lambda':
      perMillion('lambdaRequests', runs * lambdaRequests) + perMillion('lambdaGbSeconds', runs * lambdaGbSeconds),
    'sweep: reads of due rows': perMillion('tableReads', runs * tableReads),
    'sweep: reconcile queue, dead letters': perMillion('sqsRequests', runs * sqsRequests),
  }
}

function perMillion(name: keyof typeof PRICES, count: number): number {
  return (count / 1e6) * PRICES[name]
}

/** Answers the median of some runs; the look for dead letters is spread over the runs between two looks. */
async function sweepOnce(): Promise<Counts> {
  const { meter, ports } = await costRig()
  meter.take()
  const runs: Counts[] = []
  for (let run = 0; run < RUNS; run++) {
    await meter.invocation(DECLARED.sweepMemoryMb, () => Promise.all(idleSweep(meter, ports, false)))
    runs.push(meter.take())
  }
  const median = runs.toSorted((a, b) => (a.lambdaGbSeconds ?? 0) - (b.lambdaGbSeconds ?? 0))[(RUNS - 1) / 2] ?? {}
  await Promise.all(idleSweep(meter, ports, true))
  const looking = meter.take().sqsRequests ?? 0
  const each = median.sqsRequests ?? 0
  return { ...median, sqsRequests: each + (looking - each) / LOOK_EVERY_MINUTES }
}

/** Runs an idle sweep, composed as in functions/sweep.ts. */
function idleSweep(meter: Meter, ports: Awaited<ReturnType<typeof costRig>>['ports'], looks: boolean) {
  const queue = emptyQueue(meter)
  const dead = new Map(Array.from({ length: DECLARED.deadLetterQueues }, (_, n) => [`${n}`, queue]))
  const work: Promise<unknown>[] = [
    sweep(ports, dueWork(ports), never),
    reconcile({ ...ports, reconcileQueue: queue }, never),
  ]
  return looks ? [...work, deadLetterWatch(dead, ports.clock)()] : work
}

function emptyQueue(meter: Meter): Queue {
  const asked = async <T>(answer: T) => {
    await meter.call(LATENCY_MS.queue)
    meter.add('sqsRequests', 1)
    return answer
  }
  return {
    maxAttempts: 5,
    receive: () => asked([]),
    depth: () => asked({ ready: 0, leased: 0, delayed: 0 }),
    send: async (messages) => {
      if (messages.length > 0) throw new Error('an idle sweep sends nothing')
    },
    settle: async () => [],
    extend: async () => {},
  }
}
