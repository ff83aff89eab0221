import { countEntries, dequeue, dueRows, enqueue } from './access.ts'
import { type Receiving, SWEEP_TIMEOUT_SECONDS } from './receiving.ts'
import type { Sending } from './sending.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/**
 * Declares the function that runs each minute: it queues due rows, reconciles inbound mail, and fails while there are dead
 * letters. The next run does what a failed one left, so neither the schedule nor Lambda repeats a run; by default Lambda
 * would keep a throttled one for six hours, and run a failed one twice more.
 */
export function sweep({ memory }: Settled, stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  const dead = [sent, sent.feedback, received, received.reconcile, notifying].map(({ deadLetters }) => deadLetters)
  const cron = new sst.aws.CronV2('Sweep', {
    schedule: 'rate(1 minute)',
    retries: 0,
    function: {
      handler: 'functions/sweep.handler',
      timeout: `${SWEEP_TIMEOUT_SECONDS} seconds`,
      memory: memory.sweep,
      retries: 0,
      environment: {
        KABUTAR_TABLE: stored.table.name,
        ...notifying.environment,
        KABUTAR_SEND_QUEUE: sent.queue.url,
        KABUTAR_RECEIVE_QUEUE: received.queue.url,
        KABUTAR_FEEDBACK_QUEUE: sent.feedback.queue.url,
        KABUTAR_RECONCILE_QUEUE: received.reconcile.queue.url,
        KABUTAR_DEAD_LETTERS: $output(dead.map(({ url }) => url)).apply((urls) => urls.join()),
      },
      permissions: [
        ...dueRows(stored.table),
        ...enqueue(sent.queue, sent.feedback.queue, received.queue, notifying.queue),
        ...dequeue(received.reconcile.queue),
        ...countEntries(dead),
      ],
      transform: { eventInvokeConfig: { maximumEventAgeInSeconds: 60 } },
    },
  })
  return { functionName: cron.nodes.function.name }
}
export type Sweep = ReturnType<typeof sweep>
