import { countEntries, dequeue, dueRows, enqueue } from './access.ts'
import { type Receiving, SWEEP_TIMEOUT_SECONDS } from './receiving.ts'
import type { Sending } from './sending.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/**
 * Each minute: queues what is due and what a crash left behind, passes lost mail on, and fails while there are dead
 * letters. A missed run is made up for by the next, so none is repeated: not by the schedule, and not by Lambda, which
 * would otherwise keep a throttled one for six hours and run it twice more when it fails.
 */
export function sweep(stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  const dead = [sent, sent.feedback, received, received.lost, notifying].map(({ deadLetters }) => deadLetters)
  const cron = new sst.aws.CronV2('Sweep', {
    schedule: 'rate(1 minute)',
    retries: 0,
    function: {
      handler: 'functions/sweep.handler',
      timeout: `${SWEEP_TIMEOUT_SECONDS} seconds`,
      // CPU for 1,000 lost mails a second; an idle minute is as cheap with more of it, since it takes less time.
      memory: '1024 MB',
      retries: 0,
      environment: {
        KABUTAR_TABLE: stored.table.name,
        ...notifying.environment,
        KABUTAR_SEND_QUEUE: sent.queue.url,
        KABUTAR_RECEIVE_QUEUE: received.queue.url,
        KABUTAR_LOST_QUEUE: received.lost.queue.url,
        KABUTAR_DEAD_LETTERS: $output(dead.map(({ url }) => url)).apply((urls) => urls.join()),
      },
      permissions: [
        ...dueRows(stored.table),
        ...enqueue(sent.queue, received.queue, notifying.queue),
        ...dequeue(received.lost.queue),
        ...countEntries(dead),
      ],
      transform: { eventInvokeConfig: { maximumEventAgeInSeconds: 60 } },
    },
  })
  return { functionName: cron.nodes.function.name }
}
export type Sweep = ReturnType<typeof sweep>
