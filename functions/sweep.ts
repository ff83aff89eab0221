import { reconcile } from '@kabutar/aws/ses/reconcile.ts'
import { deadLetterWatch } from '@kabutar/aws/sqs/dead-letters.ts'
import { dueWaitingEntry } from '@kabutar/aws/sqs/waiting-entries.ts'
import { dueWork } from '@kabutar/core/due-work.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { basicPorts, deadLetterQueues, queuePorts } from './wiring.ts'

/** Ten seconds before the function's timeout; the next minute's run does the rest. */
const STOP_AFTER_MS = 40_000

const ports = {
  ...basicPorts(),
  ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue', 'feedbackQueue', 'reconcileQueue'),
}
const { sendQueue: send, receiveQueue: receive, webhookQueue: webhooks, feedbackQueue: feedback } = ports
const refuseDeadLetters = deadLetterWatch(deadLetterQueues(), ports.clock)
const due = { ...dueWork(ports), 'waiting-entry': dueWaitingEntry({ send, receive, webhooks, feedback }) }

/** Each minute: queues what is due, reconciles inbound mail, looks for dead letters. A throw raises the alarm `Sweep`. */
export async function handler(): Promise<void> {
  const signal = AbortSignal.timeout(STOP_AFTER_MS)
  const outcomes = await Promise.allSettled([sweep(ports, due, signal), reconcileAll(signal), refuseDeadLetters()])
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('; '))
}

async function reconcileAll(signal: AbortSignal): Promise<void> {
  const { objects, emptied } = await reconcile(ports, signal)
  if (!emptied) throw new Error(`the reconcile queue is not empty after ${objects} objects`)
}
