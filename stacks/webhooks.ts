import { enqueue, rows } from './access.ts'
import type { Storage } from './storage.ts'
import { workOff, workQueue } from './worker.ts'

const TIMEOUT_SECONDS = 60

/** Declares the webhook queue, with an entry for each endpoint and event, and the worker that signs and posts it. */
export function webhooks({ table }: Storage) {
  const work = workQueue('Webhooks', TIMEOUT_SECONDS)
  const worker = workOff(work, {
    handler: 'functions/notify.handler',
    timeoutSeconds: TIMEOUT_SECONDS,
    environment: { KABUTAR_TABLE: table.name, KABUTAR_WEBHOOK_QUEUE: work.queue.url },
    permissions: [...rows(table), ...enqueue(work.queue)],
    concurrency: 10,
  })
  return { ...worker, environment: { KABUTAR_WEBHOOK_QUEUE: work.queue.url } }
}
export type Webhooks = ReturnType<typeof webhooks>
