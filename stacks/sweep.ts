import { enqueue, rows, writeBlobs } from './access.ts'
import type { Receiving } from './receiving.ts'
import type { Sending } from './sending.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/** Each minute: queues what is due, and what a crash left behind. A missed run is made up for by the next. */
export function sweep(stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  const cron = new sst.aws.CronV2('Sweep', {
    schedule: 'rate(1 minute)',
    retries: 0,
    function: {
      handler: 'functions/sweep.handler',
      timeout: '50 seconds',
      environment: {
        ...stored.environment,
        ...notifying.environment,
        KABUTAR_SEND_QUEUE: sent.queue.url,
        KABUTAR_RECEIVE_QUEUE: received.queue.url,
      },
      permissions: [
        ...rows(stored.table),
        ...writeBlobs(stored.blobs),
        ...enqueue(sent.queue, received.queue, notifying.queue),
      ],
    },
  })
  return { functionName: cron.nodes.function.name }
}
export type Sweep = ReturnType<typeof sweep>
