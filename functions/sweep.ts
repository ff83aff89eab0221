import { passOnLost } from '@kabutar/aws/ses/reconcile.ts'
import { deadLetterWatch } from '@kabutar/aws/sqs/dead-letters.ts'
import { dueWork } from '@kabutar/core/due-work.ts'
import { sweep } from '@kabutar/core/store/outbox.ts'
import { basicPorts, deadLetterQueues, queuePorts } from './ports.ts'

/** Ten seconds before the function's time is up; the next minute does the rest. */
const STOP_AFTER_MS = 40_000

const ports = { ...basicPorts(), ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue', 'lostQueue') }
const refuseDeadLetters = deadLetterWatch(deadLetterQueues(), ports.clock)
const due = dueWork(ports)

/** Each minute: queues what is due, passes lost mail on, looks for dead letters. A throw shows in the alarm `Sweep`. */
export async function handler(): Promise<void> {
  const signal = AbortSignal.timeout(STOP_AFTER_MS)
  const outcomes = await Promise.allSettled([sweep(ports, due, signal), emptyLost(signal), refuseDeadLetters()])
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('; '))
}

async function emptyLost(signal: AbortSignal): Promise<void> {
  const { objects, emptied } = await passOnLost(ports, signal)
  if (!emptied) throw new Error(`the queue of lost mail is not empty after ${objects} objects`)
}
