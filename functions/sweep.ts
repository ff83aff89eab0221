import { passOnLost } from '@kabutar/aws/ses/reconcile.ts'
import { deadLetterWatch } from '@kabutar/aws/sqs/dead-letters.ts'
import { removalKinds } from '@kabutar/core/receiving/delete-job.ts'
import { dueSends } from '@kabutar/core/sending/entry.ts'
import { sweep } from '@kabutar/core/store/outbox.ts'
import { dueEvents } from '@kabutar/core/webhooks/announce.ts'
import { dueHooks } from '@kabutar/core/webhooks/due.ts'
import { basicPorts, deadLetterQueues, queuePorts } from './ports.ts'

/** Ten seconds before the function's time is up; the next minute does the rest. */
const STOP_AFTER_MS = 40_000

const ports = { ...basicPorts(), ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue', 'lostQueue') }
const refuseDeadLetters = deadLetterWatch(deadLetterQueues(), ports.clock)
const kinds = {
  send: dueSends(ports.sendQueue),
  hook: dueHooks(ports.webhookQueue),
  event: dueEvents(ports.webhookQueue),
  ...removalKinds(ports.receiveQueue),
}

/** Each minute: queues what is due, passes lost mail on, looks for dead letters. A throw shows in the alarm `Sweep`. */
export async function handler(): Promise<void> {
  const signal = AbortSignal.timeout(STOP_AFTER_MS)
  const outcomes = await Promise.allSettled([sweep(ports, kinds, signal), emptyLost(signal), refuseDeadLetters()])
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('; '))
}

async function emptyLost(signal: AbortSignal): Promise<void> {
  const { objects, emptied } = await passOnLost(ports, signal)
  if (!emptied) throw new Error(`the queue of lost mail is not empty after ${objects} objects`)
}
